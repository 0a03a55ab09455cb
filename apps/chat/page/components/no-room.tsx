import type { ReactElement } from "react";
import { firstRoom } from "../../limits.mjs";

/** What is there after the last room was left. */
export function NoRoom({ onOpen }: { onOpen: (room: string) => void }): ReactElement {
  return (
    <section className="no-room">
      <h1>You are in no room</h1>
      <p>Choose one of the list, make a new one, or go back to where everybody starts.</p>
      <button type="button" className="primary" onClick={() => onOpen(firstRoom)}>
        Go to {firstRoom}
      </button>
    </section>
  );
}
