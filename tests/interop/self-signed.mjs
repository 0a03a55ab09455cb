import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @param {string} name */
const beside = (name) => readFileSync(new URL(name, import.meta.url), "utf8");

/**
 * A key and a certificate that no authority vouches for, for 127.0.0.1 and localhost. Made with openssl; where there is
 * none, those that lie beside this file and are worth nothing.
 * @returns {{ readonly key: string, readonly cert: string }}
 */
export function selfSigned() {
  const directory = mkdtempSync(join(tmpdir(), "self-signed-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  const names = ["-subj", "/CN=test only", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  try {
    execFileSync("openssl", ["req", "-x509", ...curve, ...names, "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } catch {
    return { key: beside("test-only.key.pem"), cert: beside("test-only.cert.pem") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
