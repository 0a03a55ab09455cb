import type { EngineOptions } from "./engine-options.ts";

/**
 * Adds to options where a URI leads, as far as they do not say so themselves. A URI without a scheme gets that of the
 * page, else https; no URI means the page. Read with the platform's own parser (abuse 130).
 * @throws TypeError for what is no URI
 */
export const addressOf = <Options extends EngineOptions>(
  uri: string | Options | undefined,
  opts?: Options,
): [options: Options, url: URL, text: string] => {
  const text = typeof uri === "string" ? uri : "/";
  const url = new URL(
    /^(\w+:)?\//.test(text) ? text : `//${text}`,
    // the page, where there is one
    (globalThis.location as Location | undefined)?.href ?? "https://localhost",
  );
  const { hostname, port } = url;
  const options = {
    ...{ hostname, port, secure: /[ps]s:/.test(url.protocol) },
    ...((text === uri ? opts : (uri ?? opts)) as Options),
    // unlike the rest, it wins (EC2)
    ...(url.search && { query: Object.fromEntries(url.searchParams) }),
  };
  return [options, url, text];
};
