import { useSocketEvent } from "@bowline/react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import type { ChatSocket } from "./use-chat.ts";

/** Milliseconds without a key after which somebody has paused; others are told at most this often that we go on. */
const PAUSE = 2000;

export interface OwnTyping {
  readonly type: () => void;
  readonly stop: () => void;
}

/** Tells a room when we start to type, again while we go on, and once when we pause. */
export function useOwnTyping(socket: ChatSocket | null, room: string, isJoined: boolean): OwnTyping {
  // neither is shown: they only hold back what would be sent too often
  const pause = useRef<ReturnType<typeof setTimeout>>(undefined);
  const toldAt = useRef(0);

  const stop = useCallback(() => {
    clearTimeout(pause.current);
    if (toldAt.current === 0) return;
    toldAt.current = 0;
    if (socket?.connected) socket.emit("typing:stop", room);
  }, [socket, room]);

  const type = useCallback(() => {
    if (!socket?.connected || !isJoined) return;
    if (Date.now() - toldAt.current > PAUSE) {
      toldAt.current = Date.now();
      socket.volatile.emit("typing:start", room);
    }
    clearTimeout(pause.current);
    pause.current = setTimeout(stop, PAUSE);
  }, [socket, room, isJoined, stop]);

  // what was told before is not known to a server that we come back to
  useSocketEvent(socket, "disconnect", stop);
  // to go to another room is to stop in this one
  useEffect(() => stop, [stop]);

  return useMemo(() => ({ type, stop }), [type, stop]);
}
