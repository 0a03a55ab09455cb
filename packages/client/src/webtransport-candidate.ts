import type { Opener, Transport, TransportContext } from "./transport.ts";
import { webTransportStream } from "./webtransport-stream.ts";

/** How long WebSocket waits for WebTransport, in ms (EC6). */
const HEAD_START = 200;

/**
 * Makes a transport that, as a candidate for an upgrade, brings WebSocket along if both sides know that: what answers the
 * probe first is the candidate from then on, and what fails alone is no failure.
 */
export const besideWebSocket =
  (open: Opener): Opener =>
  (context) => {
    const { platform, options, upgrades } = context;
    const webSocket = platform.transports["websocket"];
    const isWanted = upgrades?.includes("websocket") && options.transports?.includes("websocket") !== false;
    return webSocket && isWanted ? race(context, open, webSocket) : open(context);
  };

/** WebTransport: by itself, or as the preferred candidate. */
export const webTransport: Opener = besideWebSocket(webTransportStream);

const race = (context: TransportContext, preferred: Opener, webSocket: Opener): Transport => {
  const running = new Map<TransportContext, Transport | undefined>();
  let winner: Transport | undefined;
  /** Until WebSocket has started. */
  let cancel: (() => void) | undefined;

  const start = (name: string, open: Opener): void => {
    const { options } = context;
    const racer: TransportContext = {
      ...context,
      name,
      options: { ...options, ...options.transportOptions?.[name] },
      receive(frame, now) {
        if (!winner && frame === "3probe") win(racer);
        if (winner) context.receive(frame, now);
        else leave(racer, () => context.receive(frame, now));
      },
      onClose: (details) => leave(racer, () => context.onClose(details)),
    };
    running.set(racer, undefined);
    try {
      running.set(racer, open(racer));
    } catch (error) {
      queueMicrotask(() => racer.onClose(error));
    }
  };

  const startWebSocket = (): void => {
    cancel?.();
    cancel = undefined;
    start("websocket", webSocket);
  };

  const win = (racer: TransportContext): void => {
    winner = running.get(racer);
    running.delete(racer);
    close();
    running.set(racer, winner);
    context.name = racer.name;
  };

  /** One is out; `tell` if it was the last. */
  const leave = (racer: TransportContext, tell: () => void): void => {
    const transport = running.get(racer);
    if (!running.delete(racer)) return;
    transport?.close();
    if (cancel) startWebSocket();
    else if (winner || !running.size) tell();
  };

  const close = (isSilent?: boolean): void => {
    cancel?.();
    cancel = undefined;
    for (const transport of running.values()) transport?.close(isSilent);
    running.clear();
  };

  cancel = context.platform.timer(startWebSocket, HEAD_START);
  start(context.name, preferred);

  return {
    get bufferedBytes() {
      return winner?.bufferedBytes ?? 0;
    },
    send: (packets) => winner?.send(packets) ?? packets,
    close,
  };
};
