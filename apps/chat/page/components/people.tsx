import { memo, type ReactElement } from "react";
import type { User } from "../../events.ts";
import { Avatar } from "./avatar.tsx";

interface PeopleProps {
  readonly users: readonly User[];
  readonly ownId: string;
}

/** More than this nobody reads, and a page would feel. */
const SHOWN = 100;

export const People = memo(function People({ users, ownId }: PeopleProps): ReactElement {
  const hidden = users.length - SHOWN;
  return (
    <aside className="people" aria-label="People in this room">
      <h2>
        People <span className="count">{users.length}</span>
      </h2>
      <ul>
        {users.slice(0, SHOWN).map(({ id, name }) => (
          <li key={id}>
            <Avatar name={name} />
            <bdi className="name">{name}</bdi>
            {id === ownId && <span className="you">you</span>}
          </li>
        ))}
      </ul>
      {hidden > 0 && <p>and {hidden} more</p>}
    </aside>
  );
});
