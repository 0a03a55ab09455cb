import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactElement, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { User } from "../../events.ts";
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

/** Pixels from the end that still count as being there. */
const AT_END = 60;

/** The conversation. Only what is in view is in the page, so ten thousand messages scroll like ten. */
export const MessageList = memo(function MessageList(props: MessageListProps): ReactElement {
  const { room, entries, user, isConnected, jumps, onRetry, onJump } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setIsAtEnd] = useState(true);
  const virtualizer = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 52,
    getItemKey: useCallback((index: number) => entries[index]?.id ?? index, [entries]),
    overscan: 12,
    paddingStart: 20,
    paddingEnd: 8,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: AT_END,
    onChange: (instance) => setIsAtEnd(instance.isAtEnd(AT_END)),
  });

  useLayoutEffect(() => virtualizer.scrollToEnd(), [virtualizer, jumps]);

  return (
    <div className="log-frame">
      <div className="log" ref={scroller} role="log" aria-live="off" aria-label={`Messages in ${room}`} tabIndex={0}>
        {entries.length === 0 && <p className="empty">Nothing has been said here yet. Be the first.</p>}
        <ol style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, key, start }) => (
            <li
              key={key}
              ref={virtualizer.measureElement}
              data-index={index}
              aria-posinset={index + 1}
              aria-setsize={entries.length}
              style={{ transform: `translateY(${start}px)` }}
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
