import type { ReactElement } from "react";
import type { User } from "../../events.ts";
import type { Connection } from "../hooks/use-connection.ts";

interface StatusLineProps {
  readonly connection: Connection;
  readonly typers: readonly User[];
}

const list = new Intl.ListFormat("en");

/** Who types; or, without a connection, what happens to what we write. */
export function StatusLine({ connection, typers }: StatusLineProps): ReactElement {
  const isConnected = connection.status === "connected";
  return (
    <p className="status-line" data-kind={isConnected ? "typing" : "connection"}>
      {isConnected ? (
        typers.length > 0 && (
          <>
            <span className="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            <span className="typing">{typingText(typers)}</span>
          </>
        )
      ) : (
        <span>No connection. What you write is kept, and sent as soon as it is back.</span>
      )}
    </p>
  );
}

function typingText(typers: readonly User[]): string {
  if (typers.length > 3) return "Several people are typing…";
  return `${list.format(typers.map(({ name }) => name))} ${typers.length > 1 ? "are" : "is"} typing…`;
}
