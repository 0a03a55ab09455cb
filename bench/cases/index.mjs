// A case is
//   name, title, unit       the unit of work that the server's cost is divided by
//   target                  what Bowline must reach: { ratio } to socket.io, or { value } in the case's own figure
//   figure                  "cpu" (µs per unit, the default), "rss" or "heap" (KB per unit)
//   extra                   not in the default run: with --all, or when it is asked for by its name
//   series                  { name, size }: one of several sizes of the same work, compared with each other at the end
//   limitMs                 for one phase, a minute by default
//   serve(io)               the server's half, the same for every peer
//   prepare(port)           the load's half: connects, and resolves to run(phase, latencies), which does one phase of work
//                           (see measure.mjs), leaves nothing in flight and resolves to the count of units done
import { ackCases } from "./ack.mjs";
import { broadcastCases, payloadCases } from "./broadcast.mjs";
import { chatCases } from "./chat.mjs";
import { churnCases } from "./churn.mjs";
import { connectCases } from "./connect.mjs";
import { growthCases } from "./growth.mjs";
import { idleCases } from "./idle.mjs";
import { membershipCases } from "./memberships.mjs";
import { pollingCases } from "./polling.mjs";
import { slowReaderCases } from "./slow-readers.mjs";

export const cases = [
  ...broadcastCases,
  ...chatCases,
  ...ackCases,
  ...connectCases,
  ...idleCases,
  ...churnCases,
  ...payloadCases,
  ...growthCases,
  ...slowReaderCases,
  ...pollingCases,
  ...membershipCases,
];
