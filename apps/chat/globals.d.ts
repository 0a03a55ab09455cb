// what /socket.io/socket.io.js gives to a page
import type { io as connect } from "bowline-client";

declare global {
  const io: typeof connect;
}
