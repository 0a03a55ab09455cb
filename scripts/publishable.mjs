// `prepublishOnly` of every package: refuses before npm refuses with less to say
import { readFileSync } from "node:fs";

const { name, repository } = JSON.parse(readFileSync("package.json", "utf8"));
if (!repository?.url) {
  console.error(
    `${name} cannot be published: its package.json has no "repository". npm gives provenance, which publishConfig asks for,`,
  );
  console.error(
    `only to the repository that a manifest names. Add "repository" (url and directory), "homepage" and "bugs".`,
  );
  process.exit(1);
}
