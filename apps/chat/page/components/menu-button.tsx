import type { ReactElement } from "react";
import { Icon } from "./icon.tsx";

/** Opens what has no place beside the conversation on a phone. */
export function MenuButton({ onClick }: { onClick: () => void }): ReactElement {
  return (
    <button type="button" className="quiet" onClick={onClick} aria-label="Rooms and people">
      <Icon name="menu" />
    </button>
  );
}
