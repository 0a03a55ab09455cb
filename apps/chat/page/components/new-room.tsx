import { type ReactElement, type SubmitEvent, useState } from "react";
import { limits } from "../../limits.mjs";
import { Icon } from "./icon.tsx";
import { oneLine } from "./join-page.tsx";

export function NewRoom({ onOpen }: { onOpen: (room: string) => void }): ReactElement {
  const [name, setName] = useState("");
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (name.trim() === "") return;
    onOpen(oneLine(name));
    setName("");
  };
  return (
    <form className="new-room" onSubmit={submit}>
      <input
        value={name}
        onChange={(event) => setName(event.target.value)}
        maxLength={limits.room}
        placeholder="New room"
        aria-label="Name of a new room"
        autoComplete="off"
        dir="auto"
      />
      <button type="submit" className="quiet" aria-label="Make the room" title="Make the room">
        <Icon name="plus" />
      </button>
    </form>
  );
}
