// imported first by every script that people run, in syntax that old versions can still parse
/** @type {[number, number]} */
const wanted = [20, 19];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  console.error(`Bowline needs Node.js ${wanted.join(".")} or newer; this is ${process.versions.node}.`);
  console.error("Install a current one from https://nodejs.org and run the command again.");
  process.exit(1);
}
