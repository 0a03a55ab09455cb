import { type Line, openLine, type Opener, type Transport, type TransportContext } from "./transport.ts";

/** How long WebSocket waits for WebTransport, in ms (EC6). */
const HEAD_START = 200;

/**
 * Makes a transport that, as a candidate for an upgrade, brings WebSocket along if both sides know that: what answers the
 * probe first is the candidate from then on, and what fails alone is no failure.
 */
export const besideWebSocket =
  (open: Opener, webSocket: Opener | undefined): Opener =>
  (context) => {
    const { options, handshake } = context;
    const isWanted = handshake?.upgrades.includes("websocket") && options.transports?.includes("websocket") !== false;
    return webSocket && isWanted ? race(context, open, webSocket) : open(context);
  };

const race = (context: TransportContext, preferred: Opener, webSocket: Opener): Transport => {
  const running = new Set<Line>();
  let winner: Transport | undefined;
  /** Until WebSocket has started. */
  let cancel: (() => void) | undefined;

  const start = (name: string, open: Opener): void => {
    const line = openLine(context, name, open, {
      receive(frame) {
        if (!winner && frame === "3probe") win(line);
        if (winner) context.receive(frame);
        else leave(line, () => context.receive(frame));
      },
      onLost: (details) => leave(line, () => context.onLost(details)),
    });
    running.add(line);
  };

  const startWebSocket = (): void => {
    cancel?.();
    cancel = undefined;
    start("websocket", webSocket);
  };

  const win = (line: Line): void => {
    winner = line.carrier;
    // from here on it tells whomever its owner tells, without a hop between
    delete (line as Partial<Line>).receive;
    running.delete(line);
    close();
    running.add(line);
    context.name = line.name;
  };

  /** One is out; `tell` if it was the last. */
  const leave = (line: Line, tell: () => void): void => {
    if (!running.delete(line)) return;
    line.carrier?.close();
    if (cancel) startWebSocket();
    else if (winner || !running.size) tell();
  };

  const close = (isSilent?: boolean): void => {
    cancel?.();
    cancel = undefined;
    for (const { carrier } of running) carrier?.close(isSilent);
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
