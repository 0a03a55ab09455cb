// What a case is to reach: a share of socket.io's cost, a value in its own unit, or so much beyond Node's own sockets.

/** The peer whose cost is the sockets' own. */
const NET = "bare-net";

/** @typedef {{ ratio: number } | { value: number } | { beyondNet: number }} Target */

/** In words, with the name of `base`. */
export function goalText({ ratio, value, beyondNet }, base) {
  if (beyondNet !== undefined) return `≤ ${NET} + ${beyondNet}`;
  return value === undefined ? `≤ ${ratio} × ${base}`.trimEnd() : `≤ ${value}`;
}

/**
 * The share of the base's cost that is to be reached; undefined where the run lacks a side for it.
 * @param {(side: string) => number | undefined} costOf median
 */
export function goalRatio({ ratio, value, beyondNet }, costOf, base) {
  if (ratio !== undefined) return ratio;
  return goalCost({ value, beyondNet }, costOf) / costOf(base) || undefined;
}

/** Whether a cost and its ratio to the base reach the target; undefined where the run lacks a side for it. */
export function isReached(target, cost, measuredRatio, costOf) {
  if (target.ratio !== undefined) return measuredRatio === undefined ? undefined : measuredRatio <= target.ratio;
  const limit = goalCost(target, costOf);
  return limit === undefined ? undefined : cost <= limit;
}

function goalCost({ value, beyondNet }, costOf) {
  if (beyondNet === undefined) return value;
  const net = costOf(NET);
  return net === undefined ? undefined : net + beyondNet;
}
