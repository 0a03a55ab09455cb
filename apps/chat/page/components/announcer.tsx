import { memo, type ReactElement, useState } from "react";
import type { Entry } from "../state/room-state.ts";

interface AnnouncerProps {
  readonly entries: readonly Entry[];
  readonly ownId: string;
}

/** Reads out the newest message of somebody else: a list that only holds what is in view would read out every scrolling. */
export const Announcer = memo(function Announcer({ entries, ownId }: AnnouncerProps): ReactElement {
  // what was said before we came is no news
  const [first] = useState(() => Date.now());
  const newest = entries.at(-1);
  const isNews = newest?.kind === "said" && newest.userId !== ownId && newest.timestamp >= first;
  return (
    <p className="hidden" aria-live="polite">
      {isNews && `${newest.userName}: ${newest.text}`}
    </p>
  );
});
