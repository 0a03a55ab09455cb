// browsers keep at least as many per domain (RFC 6265 §6.1)
const MAX_COOKIES = 50;

/** The cookies of one session (`withCredentials`): all of them go back to the one server that has set them. */
export class CookieJar {
  readonly #cookies = new Map<string, { readonly value: string; readonly expires: number }>();

  /** Takes the `Set-Cookie` headers of an answer (RFC 6265 §5.2); `now` is the wall clock in ms. */
  read(headers: readonly string[], now: number): void {
    for (const header of headers) {
      const [pair = "", ...attributes] = header.split(";");
      const equals = pair.indexOf("=");
      if (equals < 1) continue;
      let expires = Infinity;
      let hasMaxAge = false;
      for (const attribute of attributes) {
        const [name = "", value = ""] = attribute.trim().split("=");
        const seconds = Number(value);
        if (name.toLowerCase() === "max-age" && Number.isFinite(seconds)) {
          hasMaxAge = true;
          expires = now + seconds * 1000;
        } else if (name.toLowerCase() === "expires" && !hasMaxAge) expires = Date.parse(value) || expires;
      }
      const name = pair.slice(0, equals).trim();
      this.#cookies.delete(name);
      if (expires > now && this.#cookies.size < MAX_COOKIES)
        this.#cookies.set(name, { value: pair.slice(equals + 1).trim(), expires });
    }
  }

  /** The value of the `Cookie` header; empty if there is none to send. */
  header(now: number): string {
    return [...this.#cookies]
      .filter(([, { expires }]) => expires > now)
      .map(([name, { value }]) => `${name}=${value}`)
      .join("; ");
  }
}
