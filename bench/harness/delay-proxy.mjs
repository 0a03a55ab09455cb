import net from "node:net";

/**
 * A TCP proxy on loopback which makes the way to `port` as long as `oneWayMs`.
 *
 * Every chunk, and the end of the stream, arrives `oneWayMs` after it was sent, in order. A connect to the proxy succeeds
 * at once where it would take a round trip, so the client sends its first bytes too early: whatever it sends within the
 * first round trip after its connect leaves when that is over. So the first request of a connection arrives 1.5 round
 * trips after the connect, and its answer is back after 2, as on a network. Bandwidth and loss are not modelled.
 */
export async function startDelayProxy(port, oneWayMs) {
  const sockets = new Set();
  const proxy = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    forward(near, far, oneWayMs, performance.now() + 2 * oneWayMs);
    forward(far, near, oneWayMs, 0);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    port: proxy.address().port,
    close() {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A timer may come late by more than a millisecond: so near to a moment, it is waited for turn by turn. */
const TIMER_LATE_MS = 2;

function callAt(at, action) {
  const left = at - performance.now();
  if (left <= 0) action();
  else if (left > TIMER_LATE_MS) setTimeout(callAt, left - TIMER_LATE_MS, at, action);
  else setImmediate(callAt, at, action);
}

/** Nothing leaves before `establishedAt`. */
function forward(from, to, oneWayMs, establishedAt) {
  const queue = [];
  const deliver = () => {
    while (queue.length > 0 && queue[0].at <= performance.now()) queue.shift().action();
    if (queue.length > 0) callAt(queue[0].at, deliver);
  };
  const send = (action) => {
    const at = Math.max(performance.now(), establishedAt) + oneWayMs;
    if (queue.push({ at, action }) === 1) callAt(at, deliver);
  };
  from.on("data", (chunk) => send(() => to.write(chunk)));
  from.on("end", () => send(() => to.end()));
  from.on("close", () => send(() => to.destroySoon()));
}
