// programs that use every subpath of every package, to be run where the packages are installed as npm would publish them
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run.mjs";

const parser = "new it.Encoder().encode({ type: it.PacketType.EVENT, nsp: '/', data: ['hi'] }).length === 1";
const client = "it.io('http://127.0.0.1:9', { autoConnect: false, forceNew: true }).connected === false";

/** By subpath, an expression that is true: what it gives, as `it`, does something. Undefined: there is nothing at run time. */
const uses = /** @type {Readonly<Record<string, string | undefined>>} */ ({
  bowline: "new it.Server().of('/news').name === '/news'",
  "bowline/dist/typed-events": undefined,
  "bowline/engine": "new it.Server().clientsCount === 0",
  "bowline/fetch": "typeof it.fetchHandler === 'function' && typeof it.bunHandler === 'function'",
  "bowline/msgpack": parser,
  "bowline/parser": parser,
  "bowline-client": client,
  "bowline-client/dist/socket.io.js": client,
  "bowline-client/engine": "typeof it.Socket === 'function' && it.protocol === 4",
  "bowline-client/msgpack": parser,
  "bowline-client/parser": parser,
  "bowline-client/websocket": client,
  "bowline-client/webtransport": "it.webTransport !== undefined",
  "@bowline/adapters/message-port": "typeof it.createAdapter === 'function'",
  "@bowline/adapters/node-cluster": "typeof it.createAdapter === 'function' && typeof it.setupPrimary === 'function'",
  "@bowline/adapters/redis": "typeof it.createAdapter === 'function' && typeof it.Emitter === 'function'",
  "bowline/cluster": "new it.MemoryNetwork().connect().status === 'up'",
  "@bowline/protocol": "it.jsonCodec.encode({ type: it.PacketType.DISCONNECT, nsp: '/' })[0] === '1'",
  "@bowline/react": "typeof it.useSocket === 'function' && typeof it.SocketProvider === 'function'",
});

/** The types that a subpath without values has. */
const types = /** @type {Readonly<Record<string, string>>} */ ({ "bowline/dist/typed-events": "DefaultEventsMap" });

/** Every subpath that a package here says it has, `package.json` aside. */
function subpaths() {
  return readdirSync(join(root, "packages")).flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"));
    const keys = Object.keys(exports).filter((key) => key !== "./package.json");
    return keys.map((key) => `${name}${key.slice(1)}`);
  });
}

/**
 * Writes `use.mjs`, `use.cjs` and the same in TypeScript. A subpath that nothing here uses is an error.
 * @param {string} cwd
 */
export function writePrograms(cwd) {
  const all = subpaths();
  const unused = all.filter((path) => !(path in uses));
  if (unused.length > 0) throw new Error(`scripts/subpaths.mjs does not use ${unused.join(", ")}`);
  const check = all.map((path, at) => {
    const use = uses[path];
    return use === undefined ? "" : `if (!(${use.replace(/\bit\b/g, `it${at}`)})) throw new Error("${path}");`;
  });
  const imports = all.map((path, at) => `import * as it${at} from "${path}";`);
  const typed = all.map((path, at) => (path in types ? `export type Type${at} = it${at}.${types[path]};` : ""));
  const requires = all.map((path, at) => `const it${at} = require("${path}");`);
  const manifests = readdirSync(join(root, "packages")).map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"));
    return `if (require("${name}/package.json").version !== "${version}") throw new Error("${name}: another version");`;
  });
  const typeScript = [...imports, ...check, ...typed].join("\n");
  writeFileSync(join(cwd, "use.mjs"), [...imports, ...check].join("\n"));
  writeFileSync(join(cwd, "use.cjs"), [...requires, ...check, ...manifests].join("\n"));
  for (const extension of ["ts", "cts", "mts"]) writeFileSync(join(cwd, `app.${extension}`), typeScript);
}

/** The `package.json` of a project that has every package, and nothing else but React. */
export const project = {
  name: "subpaths",
  private: true,
  dependencies: {
    "@bowline/adapters": "*",
    "@bowline/protocol": "*",
    "@bowline/react": "*",
    bowline: "*",
    "bowline-client": "*",
    react: "^19.3.1",
  },
  devDependencies: { "@types/node": "^20.19.0", "@types/react": "^19.3.0", typescript: "^6.0.3" },
};
