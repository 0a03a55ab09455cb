/**
 * Which names a `DEBUG` setting switches on, as the `debug` package reads it: patterns between commas or blanks, `*`
 * stands for anything, and a minus excludes.
 * @example debugFilter("bowline:*,-bowline:event:*")
 */
export function debugFilter(setting: string): (name: string) => boolean {
  const patterns = setting.split(/[\s,]+/).filter((each) => each !== "" && each !== "-");
  const included = patterns.filter((each) => !each.startsWith("-")).map(matcher);
  const excluded = patterns.filter((each) => each.startsWith("-")).map((each) => matcher(each.slice(1)));
  const isIn = (list: RegExp[], name: string): boolean => list.some((pattern) => pattern.test(name));
  return (name) => isIn(included, name) && !isIn(excluded, name);
}

function matcher(pattern: string): RegExp {
  const parts = pattern.split("*").map((each) => each.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

/** What prints traces: where messages come from, where lines go, and the time of day as text. */
export interface TracePrinter {
  /** Listens to a channel by its name. */
  subscribe(channel: string, listener: (message: unknown) => void): void;
  /** Prints a line. */
  write(line: string): void;
  /** The time to print. */
  time(): string;
}

/**
 * Prints each message of the channels that a `DEBUG` setting names, in a line of its own.
 * @param lines says what to print of a message, by channel
 */
export function printTraces<Messages extends object>(
  setting: string,
  lines: { readonly [Channel in keyof Messages & string]: (message: Messages[Channel]) => string },
  printer: TracePrinter,
): void {
  const isOn = debugFilter(setting);
  for (const channel of Object.keys(lines) as (keyof Messages & string)[]) {
    if (!isOn(channel)) continue;
    printer.subscribe(channel, (message) =>
      printer.write(`${printer.time()} ${channel} ${lines[channel](message as Messages[typeof channel])}\n`),
    );
  }
}

/** An id as logs may show it: enough to tell it from others, too little to use it (abuse matrix 21). */
export const redacted = (id: string): string => `${id.slice(0, 4)}…`;

/** What a peer has chosen, as one short piece of a line: nothing in it ends the line or speaks to a terminal. */
export function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : String(value);
  const safe = JSON.stringify(text.slice(0, LONGEST)).replace(/[\x7f-\x9f\u2028\u2029]/g, "?");
  return text.length > LONGEST ? `${safe.slice(0, -1)}…"` : safe;
}

const LONGEST = 80;

/** An event in a line: its name, and of its arguments only how many there are, since they may be secrets. */
export const eventLine = (event: unknown, args: readonly unknown[]): string =>
  `${quoted(event)} (${args.length} ${args.length === 1 ? "argument" : "arguments"})`;
