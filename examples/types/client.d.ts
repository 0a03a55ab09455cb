import type { Server } from "bowline";
import type { io as connect, Socket } from "bowline-client";
import type * as react from "react";

declare global {
  // in some snippets both sides speak
  const io: Server & typeof connect;
  const socket: Socket;

  function useSocket(url: string): { socket: Socket | null; isConnected: boolean };
  const useEffect: typeof react.useEffect;
  const useState: typeof react.useState;

  const UserList: react.FC<{ users: User[] }>;
  const MessageList: react.FC<{ messages: Message[] }>;
  const MessageInput: react.FC<{
    onSend: (text: string) => void;
    onTyping: () => void;
    onStopTyping: () => void;
  }>;
}
