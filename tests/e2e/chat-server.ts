import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../apps/chat/server.mjs", import.meta.url));

/** The chat's server as its own process, so that it can be ended without a word. */
export class ChatServer {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Starts one and waits until it listens. Port 0 lets the system choose. */
  static async start(port = 0): Promise<ChatServer> {
    const env = { ...process.env, PORT: String(port), HOST: "127.0.0.1" };
    const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    for await (const text of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
      output += text;
      const url = /^Chat is at (\S+)$/m.exec(output)?.[1];
      if (url !== undefined) return new ChatServer(child, url.replace("localhost", "127.0.0.1"));
    }
    throw new Error(`the chat server ended before it listened: ${output}`);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Makes it hang, connections and all, until `resume`. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Ends it, by default as a crash would; the exit code, null for a crash. */
  async stop(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const exit = once(this.#child, "exit");
    this.#child.kill(signal);
    await exit;
    return this.#child.exitCode;
  }
}
