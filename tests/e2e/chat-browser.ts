import { chromium, type Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { findChromium } from "../../scripts/chromium.mjs";
import { ChatServer } from "./chat-server.ts";
import { Tab, type TabOptions } from "./tab.ts";

const executablePath = findChromium();
const args =
  "no-sandbox disable-gpu disable-background-networking disable-quic no-first-run disable-component-update disable-sync";

export const hasBrowser = executablePath !== undefined;

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: executablePath ?? "", args: args.split(" ").map((name) => `--${name}`) });

/** A browser for a file of tests, and a chat server and tabs for each of them. */
export class ChatBrowser {
  server!: ChatServer;
  #browser!: Browser;
  #tabs: Tab[] = [];

  /**
   * Ends what the tests of the surrounding `describe` open. A server costs them half a second: only those that end it,
   * or count what is there, need one of their own.
   */
  static withServers(servers: "one for each test" | "one for all"): ChatBrowser {
    const chat = new ChatBrowser();
    const isShared = servers === "one for all";
    beforeAll(async () => {
      chat.#browser = await launchBrowser();
    });
    afterAll(() => chat.#browser.close());
    (isShared ? beforeAll : beforeEach)(async () => {
      chat.server = await ChatServer.start();
    });
    // what is to end last comes first
    (isShared ? afterAll : afterEach)(() => chat.server.stop());
    afterEach(async () => {
      await Promise.all(chat.#tabs.map((tab) => tab.close()));
      chat.#tabs = [];
    });
    return chat;
  }

  /** A tab in a browser profile of its own. */
  readonly open = async (options: TabOptions = {}): Promise<Tab> =>
    this.#own(await Tab.open(this.#browser, this.server.url, options));

  /** Another tab in the same profile. */
  readonly openBeside = async (tab: Tab): Promise<Tab> => this.#own(await Tab.openBeside(tab));

  readonly join = async (name: string, room?: string): Promise<Tab> => {
    const tab = await this.open();
    await tab.join(name, room);
    return tab;
  };

  /** All errors in all consoles. */
  readonly errors = (): string[] => this.#tabs.flatMap((tab) => tab.errors);

  #own(tab: Tab): Tab {
    this.#tabs.push(tab);
    return tab;
  }
}
