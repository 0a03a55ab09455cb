import { useEmit } from "@bowline/react";
import { useEffect } from "react";
import type { ChatState } from "../state/chat-state.ts";
import { latestId, type RoomState } from "../state/room-state.ts";
import type { ChatDispatch, ChatSocket } from "./use-chat.ts";

const options = { timeout: 10_000 };

/** Says our name on every new connection, and joins the rooms that we want to be in. */
export function usePresence(
  socket: ChatSocket | null,
  isConnected: boolean,
  { identity, isHere, rooms }: ChatState,
  dispatch: ChatDispatch,
): void {
  const { emit: enter } = useEmit(socket, "user:join", options);
  const { emit: join } = useEmit(socket, "room:join", options);
  // a new one for each connection
  const connectionId = isConnected ? socket?.id : undefined;

  useEffect(() => {
    if (connectionId === undefined) return undefined;
    return () => dispatch({ type: "disconnected" });
  }, [connectionId, dispatch]);

  useEffect(() => {
    if (connectionId === undefined || identity === null) return;
    enter(identity).then(
      (answer) =>
        dispatch(
          answer.ok
            ? { type: "entered", user: answer.user, rooms: answer.rooms }
            : { type: "turned-away", error: answer.error },
        ),
      // without an answer there is soon no connection, and the next one asks again
      () => {},
    );
  }, [connectionId, identity, enter, dispatch]);

  useEffect(() => {
    if (!isHere) return;
    const joinRoom = async (room: RoomState): Promise<void> => {
      const { name } = room;
      dispatch({ type: "room-joining", room: name });
      const after = latestId(room);
      const answer = await join(after === undefined ? { room: name } : { room: name, after });
      if (!answer.ok) dispatch({ type: "room-refused", room: name, error: answer.error });
      else dispatch({ type: "room-joined", room: name, users: answer.users, messages: answer.messages });
    };
    for (const room of rooms) {
      if (room.status === "wanted") joinRoom(room).catch(() => dispatch({ type: "room-not-joined", room: room.name }));
    }
  }, [isHere, rooms, join, dispatch]);
}
