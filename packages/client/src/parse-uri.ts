/** The parts of a URI, as engine.io-client names them. A part that is not there is empty. */
export interface ParsedUri {
  /** The URI as it was given. */
  source: string;
  /** Without the colon. */
  protocol: string;
  /** User, host and port. */
  authority: string;
  /** User and password. */
  userInfo: string;
  /** Before the colon of `userInfo`. */
  user: string;
  /** Behind it. */
  password: string;
  /** Without port. */
  host: string;
  /** As text. */
  port: string;
  /** What follows the authority. */
  relative: string;
  /** With the leading slash. */
  path: string;
  /** The path up to its last slash. */
  directory: string;
  /** The path behind its last slash. */
  file: string;
  /** Without the question mark. */
  query: string;
  /** Without the hash. */
  anchor: string;
  /** The segments of the path that are not empty. */
  pathNames: string[];
  /** The parameters of the query. */
  queryKey: Record<string, string>;
  /** Only for hosts that are IPv6 addresses. */
  ipv6uri?: boolean;
}

const MAX_LENGTH = 8_000;

/** Cuts a text at the first of a separator; without one, all of it is the first part. */
const cut = (text: string, separator: string): [before: string, behind: string] => {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
};

/**
 * Takes a URI apart, leniently: nothing is decoded or checked.
 * @throws Error "URI too long" beyond 8000 characters
 */
export const parse = (source: string): ParsedUri => {
  if (source.length > MAX_LENGTH) throw new Error("URI too long");
  const [, scheme = "", behind = source] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/is.exec(source) ?? [];
  const [, authority = "", relative = ""] = /^([^/?#]*)(.*)$/s.exec(behind) ?? [];
  const at = authority.lastIndexOf("@");
  const userInfo = at < 0 ? "" : authority.slice(0, at);
  const [user, password] = cut(userInfo, ":");
  const [, ipv6, plain = "", port = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?/.exec(authority.slice(at + 1)) ?? [];
  const [beforeAnchor, anchor] = cut(relative, "#");
  const [path, query] = cut(beforeAnchor, "?");
  // only what has an extension counts as a file
  const slash = /\/[^/]*\.[^/.]+$/.test(path) ? path.lastIndexOf("/") + 1 : path.length;
  return {
    source,
    protocol: scheme,
    authority: authority.replace(/[[\]]/g, ""),
    userInfo,
    user,
    password,
    host: ipv6 ?? plain,
    port,
    relative,
    path,
    directory: path.slice(0, slash),
    file: path.slice(slash),
    query,
    anchor,
    pathNames: path.split("/").filter(Boolean),
    queryKey: Object.fromEntries(
      query
        .split("&")
        .filter(Boolean)
        .map((pair) => cut(pair, "=")),
    ),
    ...(ipv6 !== undefined && { ipv6uri: true }),
  };
};
