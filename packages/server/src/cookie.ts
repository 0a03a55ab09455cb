import { UsageError } from "@bowline/protocol";

/** The session cookie of v4. `true` means the defaults. */
export interface CookieOptions {
  /** @default "io" */
  name?: string;
  /** @default "/" */
  path?: string | false;
  /** @default true */
  httpOnly?: boolean;
  /** @default "lax" */
  sameSite?: boolean | "lax" | "strict" | "none";
  /** Attribute `Secure`. */
  secure?: boolean;
  /** Attribute `Domain`. */
  domain?: string;
  /** In seconds. */
  maxAge?: number;
}

// RFC 6265 §4.1.1: token for names, cookie-octet for values
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
const ATTRIBUTE = /^[\x20-\x3a\x3c-\x7e]*$/;

/**
 * The `Set-Cookie` value of v4's session cookie.
 * @throws UsageError for names and values that RFC 6265 does not allow
 */
export function serializeCookie(options: true | CookieOptions, value: string): string {
  const { name = "io", path = "/", httpOnly = true, sameSite = "lax", ...rest } = options === true ? {} : options;
  if (!NAME.test(name) || !VALUE.test(value)) throw new UsageError("invalid_cookie", `cookie ${name} is not valid`);
  const parts = [`${name}=${value}`];
  const add = (attribute: string, text: string): void => {
    if (!ATTRIBUTE.test(text)) throw new UsageError("invalid_cookie", `cookie attribute ${attribute} is not valid`);
    parts.push(text === "" ? attribute : `${attribute}=${text}`);
  };
  if (rest.maxAge !== undefined) add("Max-Age", String(Math.floor(rest.maxAge)));
  if (rest.domain !== undefined) add("Domain", rest.domain);
  if (path !== false) add("Path", path);
  if (httpOnly) add("HttpOnly", "");
  if (rest.secure === true) add("Secure", "");
  if (sameSite !== false) add("SameSite", SAME_SITE[sameSite === true ? "strict" : sameSite]);
  return parts.join("; ");
}

const SAME_SITE = { lax: "Lax", strict: "Strict", none: "None" };
