/**
 * Runs middlewares one after another. `next(error)`, a throw and a rejection all end the run; a middleware that settles
 * twice counts once; one that never does holds only this run (api.md N2).
 */
export function runInOrder<M>(
  middlewares: readonly M[],
  call: (middleware: M, next: (error?: Error) => void) => unknown,
  done: (error?: Error) => void,
  at = 0,
): void {
  const middleware = middlewares[at];
  if (middleware === undefined) return done();
  let settled = false;
  const next = (error?: unknown): void => {
    if (settled) return;
    settled = true;
    if (error === undefined || error === null || error === false) runInOrder(middlewares, call, done, at + 1);
    else done(error instanceof Error ? error : new Error(String(error)));
  };
  try {
    const result = call(middleware, next);
    if (result instanceof Promise) result.catch((error: unknown) => next(error ?? new Error("rejected")));
  } catch (error) {
    next(error ?? new Error("thrown"));
  }
}
