import type { IncomingMessage, ServerResponse } from "node:http";
import type { Refusal } from "../admission.ts";
import type { Headers as HeaderMap, UpgradeExchange } from "../exchange.ts";
import type { PlatformSocket } from "../transports/platform-websocket.ts";
import {
  areHeaders,
  collected,
  collectingResponse,
  headersOfUpgrade,
  SAFETY,
  statusOfUpgrade,
} from "./node-exchange.ts";

/**
 * Turns a request into a WebSocket of the platform's, with headers for its answer.
 * @returns it, and the answer, if there is one to give; undefined if that went wrong
 */
export type WebSocketUpgrade = (
  headers: Headers,
) => { readonly socket: PlatformSocket; readonly response: Response | undefined } | undefined;

/** A web request that asks for a WebSocket. */
export class WebUpgradeExchange implements UpgradeExchange {
  readonly isUpgrade = true;
  readonly ownFrames = false;
  readonly request: IncomingMessage;
  /** What the client gets; undefined if the platform has answered by itself. */
  readonly result: Promise<Response | undefined>;
  readonly #upgrade: WebSocketUpgrade | undefined;
  #resolve!: (response: Response | undefined) => void;
  #response: ServerResponse | undefined;
  #isOver = false;
  #isGone = false;

  /** @param upgrade undefined on platforms that have no WebSockets */
  constructor(request: IncomingMessage, gone: Promise<void>, upgrade: WebSocketUpgrade | undefined) {
    this.request = request;
    void gone.then(() => (this.#isGone = true));
    this.#upgrade = upgrade;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get response(): ServerResponse {
    return (this.#response ??= collectingResponse(this.request, (status) => this.#refuse(status, "")));
  }

  get finished(): boolean {
    return this.#isOver || this.#isGone;
  }

  // the rest of RFC 6455 §4.1 is the platform's to check
  get valid(): boolean {
    return this.request.method === "GET" && this.#upgrade !== undefined;
  }

  headers(): HeaderMap {
    return headersOfUpgrade(this.#response);
  }

  refuse({ status, message, headers }: Refusal): void {
    this.#refuse(statusOfUpgrade(status), message, headers);
  }

  abandon(): void {
    this.#refuse(400, "");
  }

  accept(headers: HeaderMap): PlatformSocket | undefined {
    const upgraded = areHeaders(headers) ? this.#upgrade?.(webHeaders({ ...SAFETY, ...headers })) : undefined;
    if (upgraded === undefined) {
      this.#refuse(500, "");
      return undefined;
    }
    this.#isOver = true;
    this.#resolve(upgraded.response);
    return upgraded.socket;
  }

  #refuse(status: number, message: string, extra: Readonly<Record<string, string>> = {}): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const headers = collected(this.#response);
    const all = webHeaders({ ...SAFETY, ...headers, ...extra, "Content-Type": "text/html" });
    this.#resolve(new Response(message, { status, headers: all }));
  }
}

function webHeaders(headers: HeaderMap): Headers {
  const made = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const each of Array.isArray(value) ? value : [value]) made.append(name, each);
  }
  return made;
}
