import type { IncomingMessage } from "node:http";
import type { Request } from "../polling.ts";
import { openRequest } from "./http.ts";

/** What an HTTP request came to, under the names that v4 has for it in `err.context` (EC4). */
interface Outcome {
  readonly readyState: 4;
  /** 0 = no answer. */
  readonly status: number;
  /** Of the answer; without one, what went wrong. */
  readonly statusText: unknown;
  readonly responseText: string;
  getResponseHeader(name: string): string | null;
}

const outcomeOf = ({ statusCode = 0, statusMessage, headers }: IncomingMessage, responseText: string): Outcome => ({
  readyState: 4,
  status: statusCode,
  statusText: statusMessage,
  responseText,
  getResponseHeader: (name) => headers[name.toLowerCase()]?.toString() ?? null,
});

const failed = (error: Error): Outcome => ({
  readyState: 4,
  status: 0,
  statusText: error,
  responseText: String(error.stack),
  getResponseHeader: () => null,
});

/** HTTP requests of polling over `node:http`. */
export const request: Request = (context, url, body, signal) =>
  new Promise((resolve, reject) => {
    const isPost = body !== undefined;
    const headers: Record<string, string> = { Accept: "*/*" };
    if (isPost) headers["Content-type"] = "text/plain;charset=UTF-8";
    const fail = (error: Error): void => reject(failed(error));
    openRequest(context, url, isPost ? "POST" : "GET", { headers, signal })
      .on("error", fail)
      .on("response", (response) => {
        const chunks: Buffer[] = [];
        response
          .on("data", (chunk: Buffer) => chunks.push(chunk))
          // also "aborted", when the body ends early
          .on("error", fail)
          .on("end", () => {
            const text = Buffer.concat(chunks).toString();
            if (response.statusCode === 200) resolve(text);
            else reject(outcomeOf(response, text));
          });
      })
      .end(body);
  });
