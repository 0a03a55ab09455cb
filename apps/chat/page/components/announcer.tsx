import { memo, type ReactElement } from "react";
import type { Said } from "../state/room-state.ts";

interface AnnouncerProps {
  readonly heard: readonly Said[];
  readonly ownId: string;
}

/** When more than this comes at once, who listens gets the end of it. */
const MOST = 3;

/** Reads out what others say: a list that only holds what is in view would read out every scrolling. */
export const Announcer = memo(function Announcer({ heard, ownId }: AnnouncerProps): ReactElement {
  const others = heard.filter(({ userId }) => userId !== ownId).slice(-MOST);
  return (
    <div className="hidden" aria-live="polite">
      {others.map(({ id, userName, text }) => (
        // new elements are read out, also when they say the same as the last ones
        <p key={id}>{`${userName}: ${text}`}</p>
      ))}
    </div>
  );
});
