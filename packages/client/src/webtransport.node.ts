/** The name of the transport. Node.js has it built in, and needs a global `WebTransport` for it. */
export const webTransport = "webtransport";
