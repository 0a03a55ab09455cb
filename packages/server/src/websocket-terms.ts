import { bufferBytes } from "./buffer-bytes.ts";
import type { Clock } from "./clock.ts";
import type { CompressionSlots } from "./compression-slots.ts";
import type { RequestTerms } from "./admission.ts";
import type { Headers, UpgradeExchange } from "./exchange.ts";
import { type AgreedDeflate, MessageDeflate } from "./message-deflate.ts";
import type { ResolvedOptions } from "./options.ts";
import { webSocketFormat } from "./transports/formats.ts";
import { SpareReader } from "./transports/spare-reader.ts";
import type { WebSocketOptions } from "./transports/websocket.ts";

/** On which terms a server opens WebSockets: its limits, and what clients ask for. */
export class WebSocketTerms {
  readonly #plain: WebSocketOptions;
  readonly #lenientBase64: boolean;
  readonly #messageDeflate: MessageDeflate | undefined;
  readonly #deflated = new Map<AgreedDeflate, WebSocketOptions>();

  constructor(options: ResolvedOptions, slots: CompressionSlots, clock: Clock) {
    const { limits, maxHttpBufferSize: maxPayload, perMessageDeflate, lenientBase64 } = options;
    this.#lenientBase64 = lenientBase64;
    const reader = { role: "server", bytes: bufferBytes, maxPayload, maxParts: limits.maxParts } as const;
    this.#plain = { ...limits, readers: new SpareReader(reader), ...webSocketFormat(4, false, lenientBase64) };
    if (perMessageDeflate === false) return;
    this.#messageDeflate = new MessageDeflate(perMessageDeflate === true ? {} : perMessageDeflate, slots, clock);
  }

  /** The options of one WebSocket; `headers`, those of the answer, get what it has to say about them. */
  agree(exchange: UpgradeExchange, { protocol, base64 }: RequestTerms, headers: Headers): WebSocketOptions {
    const offer = exchange.ownFrames ? exchange.request.headers["sec-websocket-extensions"] : undefined;
    const agreed = this.#messageDeflate?.agree(offer ?? "");
    if (agreed !== undefined) headers["Sec-WebSocket-Extensions"] = agreed.answer;
    const options = agreed === undefined ? this.#plain : this.#deflatedBy(agreed.deflate);
    // packets in other forms go out uncompressed, as RFC 7692 allows; those of the peer are inflated
    return protocol === 4 && !base64
      ? options
      : { ...options, ...webSocketFormat(protocol, base64, this.#lenientBase64) };
  }

  #deflatedBy(deflate: AgreedDeflate): WebSocketOptions {
    let options = this.#deflated.get(deflate);
    if (options === undefined) {
      options = { ...this.#plain, deflate };
      this.#deflated.set(deflate, options);
    }
    return options;
  }
}
