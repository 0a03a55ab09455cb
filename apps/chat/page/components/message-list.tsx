import { memo, type ReactElement, useEffect, useMemo, useRef, useState } from "react";
import type { User } from "../../events.ts";
import { useVirtualRows } from "../hooks/use-virtual-rows.ts";
import type { Outgoing } from "../state/chat-state.ts";
import type { Entry } from "../state/room-state.ts";
import { Icon } from "./icon.tsx";
import { MessageRow } from "./message-row.tsx";

interface MessageListProps {
  readonly room: string;
  readonly entries: readonly (Entry | Outgoing)[];
  readonly user: User;
  readonly isConnected: boolean;
  /** Grows when the end of the conversation should come into view. */
  readonly jumps: number;
  readonly onRetry: (id: string) => void;
  readonly onJump: () => void;
}

/** The conversation. Only what is in view is in the page, so ten thousand messages scroll like ten. */
export const MessageList = memo(function MessageList(props: MessageListProps): ReactElement {
  const { room, entries, user, isConnected, jumps, onRetry, onJump } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const ids = useMemo(() => entries.map(({ id }) => id), [entries]);
  const { height, rows, isAtEnd } = useVirtualRows(ids, scroller, jumps);

  return (
    <div className="log-frame">
      <div className="log" ref={scroller} role="log" aria-live="off" aria-label={`Messages in ${room}`} tabIndex={0}>
        {entries.length === 0 && isConnected && <p className="empty">Nothing has been said here yet. Be the first.</p>}
        <ol style={{ height }}>
          {rows.map(({ index, top }) => (
            <li
              key={ids[index]}
              data-id={ids[index]}
              aria-posinset={index + 1}
              aria-setsize={entries.length}
              style={{ transform: `translateY(${top}px)` }}
            >
              <MessageRow
                entry={entries[index]}
                previous={entries[index - 1]}
                user={user}
                isConnected={isConnected}
                onRetry={onRetry}
              />
            </li>
          ))}
        </ol>
      </div>
      <JumpButton newest={entries.at(-1)?.id} entries={entries} isAtEnd={isAtEnd} onJump={onJump} />
    </div>
  );
});

interface JumpButtonProps {
  readonly newest: string | undefined;
  readonly entries: readonly { readonly id: string }[];
  readonly isAtEnd: boolean;
  readonly onJump: () => void;
}

/** Leads back to the end, and says how much has been said there meanwhile. */
function JumpButton({ newest, entries, isAtEnd, onJump }: JumpButtonProps): ReactElement | null {
  const [seen, setSeen] = useState(newest);
  useEffect(() => {
    if (isAtEnd) setSeen(newest);
  }, [isAtEnd, newest]);

  if (isAtEnd) return null;
  const count = entries.length - 1 - entries.findLastIndex(({ id }) => id === seen);
  return (
    <button type="button" className="jump" onClick={onJump}>
      <Icon name="down" />
      {count === 0 ? "Newest" : count === 1 ? "1 new message" : `${count} new messages`}
    </button>
  );
}
