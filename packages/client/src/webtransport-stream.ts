import { type Bytes, type Frame, TransportError, webTransportFrames, WebTransportReader } from "@bowline/protocol";
import { type Opener, requestUrl, type TransportContext } from "./transport.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// what frames need, on any platform
const bytes = {
  utf8Length: (text) => encoder.encode(text).length,
  utf8Write: (target, text, offset) => encoder.encodeInto(text, target.subarray(offset)).written,
  utf8ReadFatal: (given) => decoder.decode(given),
  alloc: (length) => new Uint8Array(length),
} as Bytes;

/** How long a server may take for the last bytes, in ms: one that is gone must not keep the process alive. */
const CLOSE_TIMEOUT = 1_000;

/** HTTP/3 is always secure, and no query is used (engine-protocol §6). */
const urlOf = (context: TransportContext): string => {
  const url = new URL(requestUrl(context, "http"));
  url.protocol = "https:";
  url.search = "";
  return url.href;
};

/** The one bidirectional stream of a WebTransport session, by the platform's `WebTransport` (engine-protocol §6). */
export const webTransportStream: Opener = (context) => {
  const { options, platform, id, handshake } = context;
  const frames = new WebTransportReader(bytes, 0);
  let session: WebTransport | undefined;
  let writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  let hasReceived = false;
  let isClosed = false;
  let bufferedBytes = 0;

  const end = (details: unknown): void => {
    if (isClosed) return;
    isClosed = true;
    session?.close();
    context.onLost(details);
  };
  const fail = (reason: unknown): void => end(new TransportError("webtransport error", reason, session));
  // a session that is closed before it has said anything was refused
  const onEnd = (info?: WebTransportCloseInfo): void =>
    hasReceived ? end({ description: "webtransport connection closed", context: info }) : fail(info);

  const write = (packets: readonly Frame[]): void => {
    const joined = webTransportFrames(packets, bytes);
    bufferedBytes += joined.length;
    // why a write has failed is told by the session
    writer?.write(joined).then(
      () => (bufferedBytes -= joined.length),
      () => {},
    );
  };

  const nextFrame = (): Frame | undefined => {
    try {
      return frames.next();
    } catch {
      // what is no packet is none for the session either
      return "";
    }
  };

  const run = async (opened: WebTransport): Promise<void> => {
    await opened.ready;
    const stream = await opened.createBidirectionalStream();
    if (isClosed) return;
    writer = stream.writable.getWriter();
    write([id ? `0${JSON.stringify({ sid: id })}` : "0", ...(handshake ? ["2probe"] : [])]);
    const reader: ReadableStreamDefaultReader<Uint8Array> = stream.readable.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return onEnd();
      hasReceived = true;
      frames.push(value);
      for (let frame = nextFrame(); frame !== undefined && !isClosed; frame = nextFrame()) context.receive(frame);
    }
  };

  try {
    session = new WebTransport(urlOf(context), options.transportOptions?.["webtransport"] as WebTransportOptions);
    session.closed.then(onEnd, fail);
    // the end of the session explains that of its stream, and may be told after it
    run(session).catch((reason: unknown) => platform.timer(() => fail(reason), 0));
  } catch (reason) {
    // the owner is not ready to be told yet
    queueMicrotask(() => fail(reason));
  }

  return {
    get bufferedBytes() {
      return bufferedBytes;
    },
    send(packets) {
      write(packets);
      return [];
    },
    close(isSilent) {
      isClosed = true;
      const shut = (): void => session?.close();
      if (isSilent || !writer) return shut();
      const stop = platform.timer(shut, CLOSE_TIMEOUT);
      void writer
        .close()
        .catch(() => {})
        .then(stop)
        .then(shut);
    },
  };
};
