import { type Bytes, encodePayload, type Frame, payloadLimit, SEPARATOR, TransportError } from "@bowline/protocol";
import { readPacket } from "./base64.ts";
import { type Opener, requestUrl, type TransportContext } from "./transport.ts";

/**
 * How a platform makes HTTP requests. Resolves with the body of a 200; rejects with what has the `status` of any other
 * answer, and with an error when there is none or `signal` is aborted. Applications get that as an error's `context`.
 */
export type Request = (
  context: TransportContext,
  url: string,
  body: string | undefined,
  signal: AbortSignal,
) => Promise<string>;

/** Long polling (engine-protocol §4): one GET is always pending, one POST at a time. */
export const polling =
  (request: Request, bytes: Bytes): Opener =>
  (context) => {
    const aborter = new AbortController();
    const abort = (): void => aborter.abort();
    let posting: Promise<void> | undefined;
    let isPolling = false;
    let isClosed = false;
    let onPaused: (() => void) | undefined;

    // empty when it has failed, which is then told
    const exchange = async (body?: string): Promise<string> => {
      const stop = context.platform.timer(abort, context.options.requestTimeout || 1e9);
      let answer = "";
      try {
        // one that is too large for the server is not even sent
        if (body === "") throw { status: 413 };
        answer = await request(context, requestUrl(context, "http"), body, aborter.signal);
      } catch (failure) {
        // without an answer, 0 (EC4)
        const status = (failure as { status?: number }).status ?? 0;
        if (!isClosed)
          context.onLost(new TransportError(`xhr ${body === undefined ? "poll" : "post"} error`, status, failure));
        isClosed = true;
      }
      stop();
      return answer;
    };

    const settle = (): void => {
      if (!isPolling && !posting) onPaused?.();
    };

    const poll = async (): Promise<void> => {
      isPolling = true;
      while (!isClosed && !onPaused)
        for (const packet of (await exchange()).split(SEPARATOR))
          if (!isClosed) context.receive(readPacket(packet, bytes));
      isPolling = false;
      settle();
    };

    const post = async (packets: Frame[]): Promise<void> => {
      await exchange(encodePayload(packets, bytes));
      posting = undefined;
      if (!isClosed) context.onReady();
      settle();
    };

    const end = async (isSilent: boolean | undefined): Promise<void> => {
      isClosed = true;
      if (!isSilent && context.id) {
        await posting;
        // a server that is gone must not keep the process alive
        context.options.requestTimeout ||= 1000;
        await exchange("1");
      }
      // only now: the server takes a GET that is given up for a network error
      abort();
    };

    void poll();

    return {
      bufferedBytes: 0,
      get isBusy() {
        return posting ?? onPaused;
      },
      send(packets) {
        const count = payloadLimit(packets, context.handshake?.maxPayload ?? 0, bytes);
        posting = post(packets.slice(0, count));
        return packets.slice(count);
      },
      pause(done) {
        onPaused = done;
        settle();
      },
      resume() {
        onPaused = undefined;
        if (!isPolling) void poll();
      },
      close: (isSilent) => void end(isSilent),
    };
  };
