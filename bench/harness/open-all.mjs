/** How many connections are being opened at a time. */
const LANES = 32;

/**
 * Opens `count` connections.
 * @template Client
 * @param {number} count
 * @param {() => Promise<Client>} open
 * @param {import("./statistics.mjs").Latencies} [latencies] what each takes
 * @returns {Promise<Client[]>}
 */
export async function openAll(count, open, latencies) {
  const clients = [];
  let started = 0;
  const lane = async () => {
    while (started < count) {
      started++;
      const start = performance.now();
      clients.push(await open());
      latencies?.note(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return clients;
}
