import type { Frame } from "@bowline/protocol";
import { fire } from "./run.ts";
import { type Line, openLine, type Opener } from "./transport.ts";

let webSocketWorked = false;

/**
 * Opens transports, which are given by name and in rising order of preference for upgrades, until one of them carries
 * the session, and moves it to a better one (engine-protocol §8, EC2). For its owner it is a transport as any other.
 */
export const dial =
  (transports: Record<string, Opener>): Opener =>
  (context) => {
    const { options, platform } = context;
    const { transports: list } = options;
    const untried = (list ?? ["websocket", "polling"]).filter((name) => transports[name]);
    // every transport that is not closed: those of the race, then the current one and its candidate
    const lines = new Set<Line>();
    let current: Line | undefined;
    let candidate: Line | undefined;
    let isPausing = false;
    let isReading = false;
    let failure: unknown;
    let stopTimer: (() => void) | undefined;

    const open = (name: string, receive: (line: Line, frame: Frame) => void): Line => {
      const line = openLine(context, name, transports[name]!, {
        receive: (frame) => receive(line, frame),
        onLost(details) {
          if (!lines.delete(line)) return;
          if (line === candidate)
            decide(new Error(`probe error: ${details instanceof Error ? details : "transport closed"}`));
          else if (context.id) context.onLost(details);
          else {
            webSocketWorked = false;
            // of a race, polling's error is the one that applications test (EC2)
            if (list || name === "polling" || !failure) failure = details;
            attempt();
          }
        },
      });
      lines.add(line);
      return line;
    };

    /** Starts the next transport; when there is none left, and none under way, that was all. */
    const attempt = (): void => {
      const name = untried.shift();
      if (name) {
        current = open(name, win);
        context.name = name;
        stopTimer?.();
        if (!list) stopTimer = platform.timer(attempt, options.fallbackDelay ?? 1000);
      } else if (!lines.size)
        // listeners of errors come later
        queueMicrotask(() => context.onLost(failure ?? new Error("No transports available")));
    };

    /** Makes a line the one that carries the session. */
    const settle = (line: Line): void => {
      current = line;
      context.name = line.name;
      line.receive = context.receive;
      webSocketWorked = line.name === "websocket";
    };

    /** The first to say anything has won. */
    const win = (line: Line, frame: Frame): void => {
      stopTimer?.();
      lines.delete(line);
      for (const loser of lines) {
        const { carrier } = loser;
        if (carrier?.pause)
          // the session that polling may have made at the server is ended too
          loser.receive = (late) => {
            loser.id = /"sid":"(.+?)"/.exec(late as string)?.[1];
            carrier.close();
          };
        else carrier?.close();
      }
      lines.clear();
      lines.add(line);
      settle(line);
      context.receive(frame);
      // what was added last is preferred: WebTransport, which brings WebSocket along (EC6)
      const name = Object.keys(transports)
        .filter((each) => [context.handshake?.upgrades].flat().includes(each) && list?.includes(each) !== false)
        .at(-1);
      if (name && lines.has(line) && options.upgrade !== false && line.carrier!.pause) candidate = open(name, probe);
    };

    const probe = (line: Line, frame: Frame): void => {
      if (isPausing) return;
      if (frame !== "3probe") return decide(new Error("probe error"));
      isPausing = true;
      fire(context.session, "upgrading", line);
      current!.carrier!.pause!(decide);
    };

    /** Polling has paused; or with an error: the candidate has failed, before or after that. */
    const decide = (error?: Error): void => {
      const line = candidate;
      if (!line || !(error ?? isPausing)) return;
      candidate = undefined;
      isPausing = false;
      lines.delete(error ? line : current!);
      if (error) {
        // also one that has told of its end: it takes no harm
        line.carrier?.close();
        current!.carrier!.resume!();
      } else {
        settle(line);
        line.carrier!.send(["5"]);
      }
      fire(context.session, error ? "upgradeError" : "upgrade", error ?? line);
      context.onReady();
    };

    if (list) {
      if (options.rememberUpgrade && webSocketWorked && untried.includes("websocket")) untried.unshift("websocket");
      if (!options.tryAllTransports) untried.splice(1);
    }
    attempt();

    return {
      // asked while the session is open: then there is a current transport
      get isBusy() {
        return isPausing || isReading || current!.carrier!.isBusy;
      },
      get bufferedBytes() {
        return current!.carrier!.bufferedBytes;
      },
      send(packets) {
        const at = packets.findIndex((packet) => (packet as { arrayBuffer?: unknown }).arrayBuffer);
        if (at < 0) return current!.carrier!.send(packets);
        // transports take no Blobs, since polling cannot: it is read first, and nothing may overtake it
        isReading = true;
        (packets[at] as { arrayBuffer?(): Promise<ArrayBuffer> }).arrayBuffer!().then((read) => {
          packets[at] = new Uint8Array(read);
          isReading = false;
          context.onReady();
        }, context.onLost);
        return packets;
      },
      close(isSilent) {
        stopTimer?.();
        candidate = undefined;
        for (const { carrier } of lines) carrier?.close(isSilent);
        lines.clear();
      },
    };
  };
