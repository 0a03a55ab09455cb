"use client";

import { io } from "bowline-client";
import { useEffect, useState } from "react";

/** Says what the server answers over its socket. */
export default function Home() {
  const [greeting, setGreeting] = useState("Hello from Next.js");

  useEffect(() => {
    const socket = io();
    socket.emit("greet", "Ada", setGreeting);
    return () => void socket.disconnect();
  }, []);

  return <p>{greeting}</p>;
}
