import type { Request } from "../polling.ts";
import { openRequest } from "./http.ts";

/** HTTP requests of polling over `node:http`. */
export const request: Request = (context, url, body, signal) =>
  new Promise((resolve, reject) => {
    const isPost = body !== undefined;
    const headers: Record<string, string> = { Accept: "*/*" };
    if (isPost) headers["Content-type"] = "text/plain;charset=UTF-8";
    openRequest(context, url, isPost ? "POST" : "GET", { headers, signal })
      .on("error", reject)
      .on("response", (response) => {
        const chunks: Buffer[] = [];
        response
          .on("data", (chunk: Buffer) => chunks.push(chunk))
          // also "aborted", when the body ends early
          .on("error", reject)
          .on("end", () =>
            response.statusCode === 200 ? resolve(Buffer.concat(chunks).toString()) : reject(response.statusCode),
          );
      })
      .end(body);
  });
