import { type IncomingMessage, maxHeaderSize } from "node:http";
import { ErrorCode, type Refusal, refusal } from "../admission.ts";

/** Node drops what is beyond this many headers, in silence. */
const MAX_HEADERS = 1_000;

const HEAD_TOO_LARGE: Refusal = {
  status: 431,
  code: ErrorCode.BAD_REQUEST,
  message: "Request header fields too large",
  context: { name: "HEAD_TOO_LARGE" },
};
const NO_HOST: Refusal = { ...refusal(ErrorCode.BAD_REQUEST, { name: "NO_HOST" }), headers: { Connection: "close" } };

/** Why a request's head is not to be believed: what Node judges itself, but not on all of its servers. */
export function refusalOfHead(request: IncomingMessage): Refusal | undefined {
  if (isHeadTooLarge(request)) return HEAD_TOO_LARGE;
  // RFC 9112 §3.2; HTTP/1.1 on a server of HTTP/2 (abuse matrix 3)
  const { httpVersion, headers } = request;
  return httpVersion === "1.1" && headers.host === undefined ? NO_HOST : undefined;
}

/** Whether it is larger than Node reads it whole, or, on HTTP/2, than HTTP/1.1 lets it be (abuse matrix 4, 136). */
function isHeadTooLarge({ httpVersionMajor, rawHeaders }: IncomingMessage): boolean {
  if (rawHeaders.length >= 2 * MAX_HEADERS) return true;
  if (httpVersionMajor === 1) return false;
  return rawHeaders.reduce((size, text) => size + text.length, 0) > maxHeaderSize;
}
