import type { ReactElement } from "react";
import type { User } from "../../events.ts";
import type { Connection } from "../hooks/use-connection.ts";
import { Names } from "./names.tsx";

interface StatusLineProps {
  readonly connection: Connection;
  readonly typers: readonly User[];
}

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
            <Typing names={typers.map(({ name }) => name)} />
          </>
        )
      ) : (
        <span>No connection. What you write is kept, and sent as soon as it is back.</span>
      )}
    </p>
  );
}

function Typing({ names }: { names: readonly string[] }): ReactElement {
  if (names.length > 3) return <span className="typing">Several people are typing…</span>;
  return (
    <span className="typing">
      <span className="names">
        <Names names={names} />
      </span>
      {names.length > 1 ? " are typing…" : " is typing…"}
    </span>
  );
}
