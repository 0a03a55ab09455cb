import { io } from "bowline-client";
import "bowline-client/webtransport";

const socket = io("http://localhost:3000");
socket.on("connect", () => console.log(socket.id));
