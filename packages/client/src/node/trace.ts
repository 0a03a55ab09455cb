import { channel } from "node:diagnostics_channel";
import type { Codec, Packet } from "@bowline/protocol";

/** A manager, as traces show it. */
export interface TracedManager {
  /** The manager's options. */
  readonly opts: { readonly hostname?: string; readonly port?: string | number };
  /** The Engine.IO session. */
  readonly engine: { readonly id?: string | undefined; readonly transport?: { readonly name: string } | undefined };
}

/**
 * What the client tells in Node.js on channels of `node:diagnostics_channel`, by the name of the channel. Packets are
 * told by managers that were made while somebody had subscribed. Change nothing in the messages.
 */
export interface ClientTraces {
  /** A connection has been opened. */
  "bowline:client:open": { readonly manager: TracedManager };
  /** A connection has ended. */
  "bowline:client:close": { readonly manager: TracedManager; readonly reason: string; readonly description: unknown };
  /** A connection could not be opened. */
  "bowline:client:error": { readonly manager: TracedManager; readonly error: Error };
  /** A packet has come. */
  "bowline:client:packet:in": { readonly manager: TracedManager; readonly packet: Packet };
  /** A packet has been made: it is sent now, or waits for a connection. */
  "bowline:client:packet:out": { readonly manager: TracedManager; readonly packet: Packet };
}

type Named<Name extends keyof ClientTraces> = {
  readonly hasSubscribers: boolean;
  publish(message: ClientTraces[Name]): void;
};

export const clientOpen: Named<"bowline:client:open"> = channel("bowline:client:open");
export const clientClose: Named<"bowline:client:close"> = channel("bowline:client:close");
export const clientError: Named<"bowline:client:error"> = channel("bowline:client:error");
const packetIn: Named<"bowline:client:packet:in"> = channel("bowline:client:packet:in");
const packetOut: Named<"bowline:client:packet:out"> = channel("bowline:client:packet:out");

/** The codec, or one that tells of each packet if anybody wants to know. */
export function watched(codec: Codec, manager: TracedManager): Codec {
  if (!packetIn.hasSubscribers && !packetOut.hasSubscribers) return codec;
  return {
    encode(packet) {
      packetOut.publish({ manager, packet });
      return codec.encode(packet);
    },
    reader(limits, sink) {
      const told = (packet: Packet): Packet => {
        packetIn.publish({ manager, packet });
        return packet;
      };
      const reader = codec.reader(limits, { onMessage: (frame, packet) => sink?.onMessage(frame, told(packet)) });
      return {
        read(frame) {
          const packet = reader.read(frame);
          return packet && told(packet);
        },
        destroy: () => reader.destroy?.(),
      };
    },
  };
}
