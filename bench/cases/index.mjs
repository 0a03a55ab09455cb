// A case is
//   name, title, unit       the unit of work that the server's cost is divided by
//   target                  what Bowline must reach: { ratio } to socket.io, or { value } in the case's own figure
//   figure                  "cpu" (µs per unit, the default) or "rss" (KB per unit)
//   serve(io)               the server's half, the same for every peer
//   prepare(port)           the load's half: connects, and resolves to run(phase, latencies), which does one phase of work
//                           (see measure.mjs), leaves nothing in flight and resolves to the count of units done
import { ackCases } from "./ack.mjs";
import { broadcastCases } from "./broadcast.mjs";
import { chatCases } from "./chat.mjs";
import { connectCases } from "./connect.mjs";
import { idleCases } from "./idle.mjs";

export const cases = [...broadcastCases, ...chatCases, ...ackCases, ...connectCases, ...idleCases];
