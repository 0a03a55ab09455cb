import { useEffect, useState } from "react";
import { io, type Socket } from "bowline-client";

/** Sends what is typed to everyone, through the socket that `pages/api/socket.ts` serves. */
export default function Home() {
  const [socket, setSocket] = useState<Socket | null>(null);
  const [isConnected, setIsConnected] = useState(false);
  const [messages, setMessages] = useState<string[]>([]);

  useEffect(() => {
    const created = io({ path: "/api/socket", addTrailingSlash: false });
    created.on("connect", () => setIsConnected(true));
    created.on("disconnect", () => setIsConnected(false));
    created.on("message", (text: string) => setMessages((before) => [...before, text]));
    setSocket(created);
    return () => void created.disconnect();
  }, []);

  const send = (form: FormData) => {
    socket?.emit("message", form.get("text"));
  };

  return (
    <main>
      <p role="status">{isConnected ? "Connected" : "Disconnected"}</p>
      <form action={send}>
        <input name="text" aria-label="Message" />
      </form>
      <ul>
        {messages.map((text, index) => (
          <li key={index}>{text}</li>
        ))}
      </ul>
    </main>
  );
}
