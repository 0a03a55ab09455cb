import { type KeyboardEvent, type ReactElement, type RefObject, type SubmitEvent, useEffect } from "react";
import { limits } from "../../limits.mjs";
import { Icon } from "./icon.tsx";

interface ComposerProps {
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly room: string;
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onSay: (text: string) => void;
  readonly onEscape: () => void;
}

/** How many characters before the end of what fits people want to know. */
const WARN = 200;

export function Composer({ field, room, text, onText, onSay, onEscape }: ComposerProps): ReactElement {
  const left = limits.text - text.length;

  // who enters a room has come to write
  useEffect(() => field.current?.focus(), [field, room]);

  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (text.trim() !== "") onSay(text.trim());
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Escape") onEscape();
    // while a word is being composed, Enter chooses it
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    event.currentTarget.form?.requestSubmit();
  };

  return (
    <form className="composer" onSubmit={submit} autoComplete="off">
      <textarea
        ref={field}
        // for browsers that do not size a field by its content
        rows={Math.min(5, text.split("\n").length)}
        dir="auto"
        value={text}
        maxLength={limits.text}
        placeholder={`Message ${room}`}
        aria-label="Message"
        enterKeyHint="send"
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {left <= WARN && <span className="left">{left}</span>}
      <button type="submit" className="primary" aria-label="Send" title="Send (Enter)">
        <Icon name="send" />
      </button>
    </form>
  );
}
