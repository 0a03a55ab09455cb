import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Parser, ParserPacket } from "@bowline/protocol";
import * as ourMsgpack from "bowline/msgpack";
import * as ourJson from "bowline/parser";
import * as ourMsgpackClient from "bowline-client/msgpack";
import * as ourJsonClient from "bowline-client/parser";
import * as officialJson from "socket.io-parser";
import * as officialMsgpack from "socket.io-msgpack-parser";

/** A parser, and what it can carry. */
export interface ParserSubject {
  readonly name: string;
  /** Of the server. */
  readonly server: Parser;
  /** Of the client. */
  readonly client: Parser;
  /** Whether binary values come as bytes. */
  readonly hasBinary: boolean;
}

/** What anybody would write by hand: one JSON text per packet. */
export const jsonParser: Parser = {
  Encoder: class {
    encode(packet: ParserPacket): unknown[] {
      return [JSON.stringify(packet)];
    }
  },
  Decoder: class extends EventEmitter {
    add(chunk: unknown): void {
      this.emit("decoded", JSON.parse(String(chunk)));
    }
    destroy(): void {}
  },
};

/** Each packet as a text of its length and two ArrayBuffers, which is decoded a turn after the last has come. */
export const lateParser: Parser = {
  Encoder: class {
    encode(packet: ParserPacket): unknown[] {
      const bytes = Buffer.from(JSON.stringify(packet));
      const middle = bytes.length >> 1;
      const part = (from: number, to: number): ArrayBuffer => Uint8Array.from(bytes.subarray(from, to)).buffer;
      return [String(bytes.length), part(0, middle), part(middle, bytes.length)];
    }
  },
  Decoder: class extends EventEmitter {
    #parts: Buffer[] = [];
    add(chunk: unknown): void {
      if (typeof chunk === "string") this.#parts = [];
      else if (this.#parts.push(Buffer.from(chunk as Uint8Array)) === 2) {
        const text = Buffer.concat(this.#parts).toString();
        setImmediate(() => this.emit("decoded", JSON.parse(text)));
      }
    }
    destroy(): void {
      this.removeAllListeners();
    }
  },
};

/** Parsers that servers and clients of v4 use, and two of our own making. */
export const parsers: readonly ParserSubject[] = [
  { name: "socket.io-parser", server: officialJson, client: officialJson, hasBinary: true },
  { name: "socket.io-msgpack-parser", server: officialMsgpack, client: officialMsgpack, hasBinary: true },
  { name: "JSON by hand", server: jsonParser, client: jsonParser, hasBinary: false },
  { name: "late, in parts", server: lateParser, client: lateParser, hasBinary: false },
  { name: "our msgpack (P6)", server: ourMsgpack, client: ourMsgpackClient, hasBinary: true },
  { name: "our msgpack, of servers alone (P6)", server: ourMsgpack, client: officialMsgpack, hasBinary: true },
  { name: "our msgpack, of clients alone (P6)", server: officialMsgpack, client: ourMsgpackClient, hasBinary: true },
  { name: "our JSON", server: ourJson, client: ourJsonClient, hasBinary: true },
];
