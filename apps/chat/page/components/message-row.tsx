import { memo, type ReactElement } from "react";
import type { User } from "../../events.ts";
import type { Outgoing } from "../state/chat-state.ts";
import type { Entry } from "../state/room-state.ts";
import { Avatar, toneOf } from "./avatar.tsx";
import { Names } from "./names.tsx";

type Item = Entry | Outgoing;

interface MessageRowProps {
  readonly entry: Item | undefined;
  readonly previous: Item | undefined;
  readonly user: User;
  readonly isConnected: boolean;
  readonly onRetry: (id: string) => void;
}

/** Milliseconds within which one message follows another under the same name. */
const TOGETHER = 5 * 60_000;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });

export const MessageRow = memo(function MessageRow(props: MessageRowProps): ReactElement | null {
  const { entry, previous, user, isConnected, onRetry } = props;
  if (!entry) return null;
  const isNewDay = !previous || dayOf(previous) !== dayOf(entry);
  return (
    <>
      {isNewDay && (
        <p className="day">
          <span>{dayName(entry)}</span>
        </p>
      )}
      {entry.kind === "notice" ? (
        <p className="notice">
          <Names names={entry.names} others={entry.others} /> {entry.what}
        </p>
      ) : (
        <MessageView
          entry={entry}
          user={user}
          isFollowing={!isNewDay && follows(previous, entry, user)}
          isConnected={isConnected}
          onRetry={onRetry}
        />
      )}
    </>
  );
});

interface MessageViewProps {
  readonly entry: Exclude<Item, { kind: "notice" }>;
  readonly user: User;
  readonly isFollowing: boolean;
  readonly isConnected: boolean;
  readonly onRetry: (id: string) => void;
}

function MessageView({ entry, user, isFollowing, isConnected, onRetry }: MessageViewProps): ReactElement {
  const isMine = authorOf(entry, user) === user.id;
  const name = entry.kind === "outgoing" ? user.name : entry.userName;
  const delivery = entry.kind === "outgoing" ? entry.delivery : "sent";
  const classes = ["message", isMine && "mine", isFollowing && "follows"].filter(Boolean).join(" ");
  return (
    <div className={classes} data-delivery={delivery}>
      {!isMine && <Avatar name={name} />}
      <div className="said">
        <p className="who">
          <bdi className="author" data-tone={toneOf(name)}>
            {isMine ? "You" : name}
          </bdi>
          <time dateTime={new Date(entry.timestamp).toISOString()}>{clock.format(entry.timestamp)}</time>
        </p>
        <div className="bubble" dir="auto">
          {entry.text}
        </div>
        {entry.kind === "outgoing" && <DeliveryLine entry={entry} isConnected={isConnected} onRetry={onRetry} />}
      </div>
    </div>
  );
}

interface DeliveryLineProps {
  readonly entry: Outgoing;
  readonly isConnected: boolean;
  readonly onRetry: (id: string) => void;
}

/** How far something of ours has got. */
function DeliveryLine({ entry, isConnected, onRetry }: DeliveryLineProps): ReactElement {
  if (entry.delivery !== "failed")
    return <p className="delivery">{isConnected ? "Sending…" : "Waiting for the connection"}</p>;
  return (
    <p className="delivery">
      Not sent. {entry.reason}{" "}
      <button type="button" onClick={() => onRetry(entry.id)}>
        Try again
      </button>
    </p>
  );
}

const dayOf = ({ timestamp }: Item): string => new Date(timestamp).toDateString();

function dayName(entry: Item): string {
  const day = dayOf(entry);
  const today = new Date();
  if (day === today.toDateString()) return "Today";
  today.setDate(today.getDate() - 1);
  return day === today.toDateString() ? "Yesterday" : calendar.format(entry.timestamp);
}

function authorOf(item: Exclude<Item, { kind: "notice" }>, user: User): string {
  return item.kind === "outgoing" ? user.id : item.userId;
}

function follows(previous: Item | undefined, entry: Exclude<Item, { kind: "notice" }>, user: User): boolean {
  if (previous === undefined || previous.kind === "notice") return false;
  return authorOf(previous, user) === authorOf(entry, user) && entry.timestamp - previous.timestamp < TOGETHER;
}
