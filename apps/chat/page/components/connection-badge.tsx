import type { ReactElement } from "react";
import type { Connection } from "../hooks/use-connection.ts";

const texts: Record<Connection["status"], string> = {
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  disconnected: "Disconnected",
};

export function ConnectionBadge({ connection: { status, attempt } }: { connection: Connection }): ReactElement {
  return (
    <div className="connection" data-state={status}>
      <span role="status">{texts[status]}</span>
      {/* shown, but not read out again with every attempt */}
      {status === "reconnecting" && attempt > 1 && <small aria-hidden="true">attempt {attempt}</small>}
    </div>
  );
}
