import type { CloseReason, Frame, Handshake } from "@bowline/protocol";
import { addressOf } from "./address.ts";
import { type DisconnectDescription, Engine, type EngineOwner } from "./engine.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { Platform } from "./transport.ts";

/** Whoever uses an engine by itself has its events. */
const nobody: EngineOwner = { onMessage() {}, onOpen() {}, onPing() {}, onError() {}, onClose() {} };

/** Arguments of a socket, as those of one that stays on its first transport. */
export const withoutUpgrade = (
  uri?: string | EngineOptions,
  opts?: EngineOptions,
): [uri: string | undefined, opts: EngineOptions] =>
  typeof uri === "string" ? [uri, { ...opts, upgrade: false }] : [undefined, { ...(uri ?? opts), upgrade: false }];

/** An Engine.IO client without Socket.IO (api.md EC1). Users know it as Socket, of `bowline-client/engine`. */
export class EngineSocket extends Engine {
  /** The version of the Engine.IO protocol. */
  static readonly protocol = 4;
  /** As they were given, with the address. */
  readonly opts: EngineOptions;
  /** @see {@link EngineSocket.send} */
  readonly write: this["send"] = this.send;
  // no initial value: what the constructor calls may have set it
  declare private state: "open" | "closing" | "closed" | undefined;

  /**
   * @param uri of the server, or the options
   * @param opts `path` is "/engine.io" by default
   */
  constructor(platform: Platform, uri?: string | EngineOptions, opts?: EngineOptions) {
    const options = { path: "/engine.io", ...addressOf(uri, opts)[0] };
    super(platform, options, nobody);
    this.opts = options;
  }

  /** "opening", "open", "closing" or "closed". */
  get readyState(): "opening" | "open" | "closing" | "closed" {
    return this.state ?? "opening";
  }

  /**
   * Sends a message, or several.
   * @param callback called when they have been given to the transport
   */
  override send(
    data: Frame | readonly Frame[],
    options: boolean | { readonly compress?: boolean } = true,
    callback?: () => void,
  ): this {
    if (callback) this.once("flush", callback);
    super.send(data, typeof options === "object" ? options.compress : options);
    return this;
  }

  override close(): this {
    if (this.state === "open") this.state = "closing";
    return super.close();
  }

  /** @internal */
  override onOpen(handshake: Handshake): void {
    this.state = "open";
    super.onOpen(handshake);
  }

  /** @internal */
  override onClose(reason: CloseReason, details?: DisconnectDescription): void {
    this.state = "closed";
    super.onClose(reason, details);
  }
}
