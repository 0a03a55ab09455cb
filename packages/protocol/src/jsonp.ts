import { ProtocolError } from "./errors.ts";

// A script that calls back with a payload, and a form that carries one (engine-protocol §11).

/** No client counts further; it comes back with every answer. */
const MAX_DIGITS = 15;

/** @param index what `j` said; only its digits count, the first 15 of them */
export const jsonpScript = (index: string, payload: string): string => {
  // line terminators in scripts, until ECMAScript 2019
  const text = JSON.stringify(payload).replace(/[\u2028\u2029]/g, (char) =>
    char === "\u2028" ? "\\u2028" : "\\u2029",
  );
  return `___eio[${index.replace(/\D/g, "").slice(0, MAX_DIGITS)}](${text});`;
};

/**
 * The payload in a form's field `d`. Browsers change line feeds in forms, so the client writes each as `\n`, and a `\n` that
 * was there before as `\\n`.
 * @throws ProtocolError `parse_error`
 */
export const readJsonpForm = (form: string): string => {
  const field = /(?:^|&)d=([^&]*)/.exec(form);
  if (!field) throw new ProtocolError("parse_error");
  try {
    // the quickest ways: no calls back, whatever the form consists of
    return decodeURIComponent((field[1] ?? "").split("+").join(" "))
      .replace(/(?<!\\)\\n/g, "\n")
      .replace(/\\\\n/g, "\\n");
  } catch (cause) {
    throw new ProtocolError("parse_error", undefined, { cause });
  }
};
