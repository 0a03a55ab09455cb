import type { ReactElement } from "react";
import { Icon } from "./icon.tsx";

/** What the server said no to. */
export function Refusal({ text, onDismiss }: { text: string; onDismiss: () => void }): ReactElement {
  return (
    <div className="refusal" role="alert">
      <span>{text}</span>
      <button type="button" className="quiet" onClick={onDismiss} aria-label="Dismiss">
        <Icon name="close" />
      </button>
    </div>
  );
}
