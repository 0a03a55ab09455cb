/**
 * When a closed loop may stop: after the phase's time, but never before its share of `fullUnits`. Time alone would let
 * a busy machine measure code that is not warm yet.
 * @returns {(now: number, units: number) => boolean}
 */
export function phaseEnd({ ms, share }, fullUnits) {
  const deadline = performance.now() + ms;
  const least = fullUnits * share;
  return (now, units) => now >= deadline && units >= least;
}
