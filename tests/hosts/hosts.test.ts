import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { combinations, exercise } from "../../scripts/hosts/exercise.mjs";
import { lightHosts } from "../../scripts/hosts/hosts.mjs";
import { startHost } from "../../scripts/hosts/start.mjs";

// the examples run as users run them: as processes of their own, on what is built
describe.each(lightHosts)("examples/$folder", (host) => {
  let place: Awaited<ReturnType<typeof startHost>>;
  beforeAll(async () => {
    place = await startHost(host, fileURLToPath(new URL(`../../examples/${host.folder}`, import.meta.url)));
  });
  afterAll(() => place.stop());

  test.each(combinations)(
    "$client on $transport alone: an acknowledged event, bytes both ways, disconnect",
    (combination) => exercise(place, combination),
  );
});
