/**
 * Runs middlewares one after another, each within the `next` of the one before it. `next(error)`, a throw and a rejection
 * all end the run; a middleware that settles twice counts once; one that never does holds only this run (api.md N2).
 * @param report gets what a middleware throws after it has settled
 */
export function runInOrder<M>(
  middlewares: readonly M[],
  call: (middleware: M, next: (error?: unknown) => void) => unknown,
  report: (error: unknown) => void,
  done: (error?: Error) => void,
  at = 0,
): void {
  const middleware = middlewares[at];
  if (middleware === undefined) return done();
  let settled = false;
  const settle = (error?: Error): void => {
    settled = true;
    if (error !== undefined) done(error);
    else runInOrder(middlewares, call, report, done, at + 1);
  };
  const fail = (error: unknown): void => {
    if (settled) report(error);
    else settle(asError(error));
  };
  const next = (error?: unknown): void => {
    if (!settled) settle(isNothing(error) ? undefined : asError(error));
  };
  try {
    const result = call(middleware, next);
    if (result instanceof Promise) result.catch(fail);
  } catch (error) {
    fail(error);
  }
}

const isNothing = (value: unknown): boolean => value === undefined || value === null || value === false;

/** What was given as an error, as one: v4 takes anything that has a message. */
function asError(value: unknown): Error {
  if (value instanceof Error) return value;
  if (typeof value !== "object" || value === null) return new Error(String(value));
  // a client may have chosen what it holds: nothing of it is called, `toString` least of all
  const message = "message" in value && typeof value.message === "string" ? value.message : "refused";
  return Object.assign(new Error(message), "data" in value ? { data: value.data } : {});
}
