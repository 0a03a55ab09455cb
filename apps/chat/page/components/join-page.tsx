import { type ReactElement, type SubmitEvent, useId, useState } from "react";
import { firstRoom, limits } from "../../limits.mjs";
import type { Connection } from "../hooks/use-connection.ts";
import { loadPreference } from "../state/storage.ts";
import { ConnectionBadge } from "./connection-badge.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";

interface JoinPageProps {
  readonly connection: Connection;
  readonly isJoining: boolean;
  readonly refusal: string | null;
  readonly onEnter: (name: string, room: string) => void;
}

/** Where people say who they are. */
export function JoinPage({ connection, isJoining, refusal, onEnter }: JoinPageProps): ReactElement {
  return (
    <div className="join">
      <section className="hero" aria-label="About this chat">
        <img src="/icon.svg" alt="" width="144" height="144" />
        <p className="motto">The knot that holds.</p>
        <p>A small chat on Bowline. Pull the cable, stop the server: every message arrives, once and in order.</p>
      </section>
      <main>
        <header className="join-bar">
          <ConnectionBadge connection={connection} />
          <ThemeToggle />
        </header>
        <JoinForm isJoining={isJoining} refusal={refusal} onEnter={onEnter} />
        <p className="hint">Open a second window to talk to yourself.</p>
      </main>
    </div>
  );
}

function JoinForm({ isJoining, refusal, onEnter }: Omit<JoinPageProps, "connection">): ReactElement {
  const [name, setName] = useState(loadPreference("name") ?? "");
  const [room, setRoom] = useState(firstRoom);
  const id = useId();

  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (name.trim() !== "" && room.trim() !== "") onEnter(oneLine(name), oneLine(room));
  };

  return (
    <form className="join-form" onSubmit={submit}>
      <h1>Come aboard</h1>
      <label htmlFor={`${id}name`}>Your name</label>
      <input
        id={`${id}name`}
        value={name}
        onChange={(event) => setName(event.target.value)}
        maxLength={limits.name}
        autoComplete="nickname"
        dir="auto"
        aria-describedby={refusal === null ? undefined : `${id}error`}
        aria-invalid={refusal !== null}
        autoFocus
        required
      />
      <label htmlFor={`${id}room`}>Room</label>
      <input
        id={`${id}room`}
        value={room}
        onChange={(event) => setRoom(event.target.value)}
        maxLength={limits.room}
        autoComplete="off"
        dir="auto"
        required
      />
      <p className="error" id={`${id}error`} role="alert">
        {refusal}
      </p>
      <button type="submit" className="primary" disabled={isJoining}>
        {isJoining ? "Joining…" : "Join the chat"}
      </button>
    </form>
  );
}

/** As the server writes names. */
export const oneLine = (text: string): string => text.normalize("NFC").replace(/\s+/g, " ").trim();
