import type { EngineOptions } from "./engine.ts";

/**
 * Adds to options where a URI leads, as far as they do not say so themselves. A URI without a scheme gets that of the
 * page, else https; no URI means the page. Read with the platform's own parser (abuse 130).
 * @throws TypeError for what is no URI
 */
export const addressOf = <Options extends EngineOptions>(
  uri: string | Options | undefined,
  opts?: Options,
): [options: Options, url: URL, text: string] => {
  // the page, where there is one
  const location = globalThis.location as Location | undefined;
  const text = typeof uri === "string" ? uri : "/";
  const url = new URL(
    /^(\w+:)?\//.test(text) ? text : `${location?.protocol ?? "https:"}//${text}`,
    location?.href ?? "http://localhost",
  );
  const { hostname, port } = url;
  const address = { hostname, port, secure: /[ps]s:/.test(url.protocol), query: Object.fromEntries(url.searchParams) };
  return [{ ...address, ...((text === uri ? opts : (uri ?? opts)) as Options) }, url, text];
};
