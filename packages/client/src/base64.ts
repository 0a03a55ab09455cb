import { type Bytes, encodePayload, type Frame } from "@bowline/protocol";
import type { Opener, TransportContext } from "./transport.ts";

/** A packet that came as text. What is no packet is none for the session either. */
export const readPacket = (text: string, bytes: Bytes): Frame => {
  try {
    return text[0] === "b" ? bytes.base64Read(text.slice(1)) : text;
  } catch {
    return "";
  }
};

/** Where `forceBase64` asks for it, binary goes as text `b…` over a transport that could do without (engine-protocol §5). */
export const inBase64 =
  (bytes: Bytes, open: Opener): Opener =>
  (context) => {
    if (!context.options.forceBase64) return open(context);
    const reading = Object.create(context) as TransportContext;
    reading.receive = (frame) => context.receive(readPacket(frame as string, bytes));
    const transport = open(reading);
    if (!transport) return transport;
    const { send } = transport;
    transport.send = (packets) => send(packets.map((packet) => encodePayload([packet], bytes)));
    return transport;
  };
