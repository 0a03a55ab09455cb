// in some snippets both sides speak
declare const io: import("bowline").Server & typeof import("bowline-client").io;
declare const socket: import("bowline-client").Socket;

declare function useSocket(url: string): { socket: typeof socket | null; isConnected: boolean };
declare const useEffect: typeof import("react").useEffect;
declare const useState: typeof import("react").useState;

declare const UserList: import("react").FC<{ users: User[] }>;
declare const MessageList: import("react").FC<{ messages: Message[] }>;
declare const MessageInput: import("react").FC<{
  onSend: (text: string) => void;
  onTyping: () => void;
  onStopTyping: () => void;
}>;
