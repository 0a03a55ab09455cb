/** Content codings that answers may have, as `Content-Encoding` names them. */
export type Encoding = "br" | "gzip" | "deflate";

/** Nobody who means it says more, in characters (abuse matrix 135). */
const LONGEST_HEADER = 1_024;
/** RFC 9110 §12.4.2 */
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * Chooses the coding that a client likes best (RFC 9110 §12.5.3).
 * @param header its `Accept-Encoding`
 * @param offered what could be had, the best first: it decides where the client does not
 * @returns undefined: the answer goes as it is. So it does where nothing else is left, even if the client refuses that
 */
export function chooseEncoding<Offered extends Encoding>(
  header: string | string[] | undefined,
  offered: readonly Offered[],
): Offered | undefined {
  const weights = weightsOf(header);
  const others = weights.get("*") ?? 0;
  let best: Offered | undefined;
  // who does not name it takes it as a last resort
  let most = weights.get("identity") ?? 0;
  for (const encoding of offered) {
    const weight = weights.get(encoding) ?? others;
    if (weight < most || (weight === most && (best !== undefined || weight === 0))) continue;
    best = encoding;
    most = weight;
  }
  return best;
}

/** From 0, refused, to 1. What is malformed is ignored. */
function weightsOf(header: string | string[] | undefined): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  if (typeof header !== "string" || header.length > LONGEST_HEADER) return weights;
  for (const member of header.toLowerCase().split(",")) {
    const [name = "", weight = "q=1", ...more] = member.split(";").map((part) => part.trim());
    const [, value] = WEIGHT.exec(weight) ?? [];
    if (value !== undefined && more.length === 0) weights.set(ALIASES.get(name) ?? name, Number(value));
  }
  return weights;
}

/** RFC 9110 §8.4.1.3 */
const ALIASES: ReadonlyMap<string, Encoding> = new Map([["x-gzip", "gzip"]]);
