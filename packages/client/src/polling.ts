import { encodePayload, type Frame, payloadLimit, SEPARATOR, TransportError } from "@bowline/protocol";
import { readPacket, requestUrl, type Transport, type TransportContext } from "./transport.ts";

/**
 * How a platform makes HTTP requests. Resolves with the body of a 200; rejects with any other status, and with the error
 * when there is no answer or `signal` is aborted.
 */
export type Request = (
  context: TransportContext,
  url: string,
  body: string | undefined,
  signal: AbortSignal,
) => Promise<string>;

/** Long polling (engine-protocol §4): one GET is always pending, one POST at a time. */
export const polling =
  (request: Request) =>
  (context: TransportContext): Transport => {
    const { bytes, now, timer } = context.platform;
    const aborter = new AbortController();
    const abort = (): void => aborter.abort();
    let posting: Promise<void> | undefined;
    let isPolling = false;
    let isClosed = false;
    let onPaused: (() => void) | undefined;

    // empty when it has failed, which is then told
    const exchange = async (body?: string): Promise<string> => {
      const stop = timer(abort, context.options.requestTimeout || 1e9);
      let answer = "";
      try {
        answer = await request(context, requestUrl(context, "http"), body, aborter.signal);
      } catch (description) {
        if (!isClosed) context.onClose(new TransportError(`xhr ${body ? "post" : "poll"} error`, description));
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
          if (!isClosed) context.receive(readPacket(packet, bytes), now());
      isPolling = false;
      settle();
    };

    const post = async (packets: Frame[]): Promise<void> => {
      // only now is there time to read Blobs
      const read = packets.map(async (packet) =>
        packet instanceof Blob ? new Uint8Array(await packet.arrayBuffer()) : packet,
      );
      await exchange(encodePayload(await Promise.all(read), bytes));
      posting = undefined;
      if (!isClosed) context.onReady();
      settle();
    };

    const end = async (isSilent: boolean | undefined): Promise<void> => {
      isClosed = true;
      if (!isSilent && context.sid) {
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
        return !!(posting ?? onPaused);
      },
      send(packets) {
        // one that is too large for the server goes alone, and is refused there
        const count = payloadLimit(packets, context.maxPayload, bytes) || 1;
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
