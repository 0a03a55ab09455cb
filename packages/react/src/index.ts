export { type EmitOptions, useEmit, type UseEmit } from "./use-emit.ts";
export { type ConnectionStatus } from "./shared-connection.ts";
export { SocketProvider, type SocketProviderProps, useSharedSocket } from "./socket-provider.ts";
export { type AckEvent, type Answer, type EmitArgs, type ListenEvent, type Handler } from "./event-types.ts";
export { useSocket, type UseSocket, type UseSocketOptions } from "./use-socket.ts";
export { useSocketEvent } from "./use-socket-event.ts";
