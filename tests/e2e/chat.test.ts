import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findChromium } from "../../scripts/chromium.mjs";
import { ChatServer } from "./chat-server.ts";

const executablePath = findChromium();
/** Where to leave screenshots, for people who want to look. */
const screenshots = process.env.SCREENSHOTS;
const args =
  "no-sandbox disable-gpu disable-background-networking disable-quic no-first-run disable-component-update disable-sync";
/** A client tries again after at most 5 s. */
const reconnect = { timeout: 15_000 };

describe.skipIf(executablePath === undefined)("the chat in a real browser", () => {
  let browser: Browser;
  let server: ChatServer;
  let tabs: Tab[] = [];

  const open = async (name: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Tab> => {
    const tab = await Tab.open(await (await browser.newContext(options)).newPage(), server.url, name);
    tabs.push(tab);
    return tab;
  };

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath ?? "",
      args: args.split(" ").map((name) => `--${name}`),
    });
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    server = await ChatServer.start();
  });
  afterEach(async () => {
    await Promise.all(tabs.map((tab) => tab.close()));
    tabs = [];
    await server.stop();
  });

  test("two tabs talk, in order and in both directions", async () => {
    const [ann, ben] = [await open("Ann"), await open("Ben")];
    await ann.say("Hello Ben");
    await ben.sees("Hello Ben");
    await ben.say("Hello Ann");
    await ann.sees("Hello Ann");
    expect(await ann.texts()).toEqual(["Hello Ben", "Hello Ann"]);
    expect(await ben.texts()).toEqual(["Hello Ben", "Hello Ann"]);
    expect(ann.errors.concat(ben.errors)).toEqual([]);
  });

  test("shows who is here, and who comes and goes", async () => {
    const ann = await open("Ann");
    await ann.seesPeople("Ann you");
    const ben = await open("Ben");
    await ann.seesPeople("Ann you", "Ben");
    await ben.seesPeople("Ann", "Ben you");
    await ben.close();
    await ann.seesPeople("Ann you");
    expect(await ann.notices()).toEqual(["Ben joined", "Ben left"]);
  });

  test("shows who is typing until they pause or send", async () => {
    const [ann, ben] = [await open("Ann"), await open("Ben")];
    await ben.write("Let me th");
    await ann.seesTyping("Ben is typing…");
    await ann.seesTyping("");
    await ben.write("ink");
    await ann.seesTyping("Ben is typing…");
    await ben.send();
    await ann.sees("Let me think");
    await ann.seesTyping("");
  });

  test("takes names and texts as text, never as markup", async () => {
    const name = "<b>Eve</b>";
    const text = '<img src="/x" onerror="document.title=1"> & <script>alert(1)</script>';
    const [ann, eve] = [await open("Ann"), await open(name)];
    await eve.say(text);
    await ann.sees(text);
    await ann.seesPeople("Ann you", name);
    expect(await ann.notices()).toEqual([`${name} joined`]);
    expect(await ann.page.locator("#chat b, #log img, #log script").count()).toBe(0);
    expect(await ann.page.title()).toBe("Bowline chat");
    expect(ann.errors.concat(eve.errors)).toEqual([]);
  });

  test("shows what was said before to those who come later", async () => {
    const ann = await open("Ann");
    await ann.say("Is anybody here?");
    await ann.isSent("Is anybody here?");
    await (await open("Ben")).sees("Is anybody here?");
  });

  test("comes back by itself when the server is killed and started again", async () => {
    const [ann, ben] = [await open("Ann"), await open("Ben")];
    await server.stop("SIGKILL");
    await ann.hasState("reconnecting");
    await ben.hasState("reconnecting");
    await ann.say("Said into the void");
    await ann.isWaiting("Said into the void");

    server = await ChatServer.start(server.port);
    await ann.hasState("connected");
    await ben.hasState("connected");
    await ben.sees("Said into the void");
    await ann.isSent("Said into the void");
    await ann.seesPeopleInAnyOrder("Ann you", "Ben");

    await ben.say("Here we are again");
    await ann.sees("Here we are again");
    expect(await ann.texts()).toEqual(["Said into the void", "Here we are again"]);
    expect(ann.errors.concat(ben.errors).filter((text) => !isOfRestart(text))).toEqual([]);
  });

  test("says what was not sent, and sends it when asked to", async () => {
    const [ann, ben] = [await open("Ann"), await open("Ben")];
    server.pause();
    await ann.say("Anybody there?");
    await ann.page.getByRole("button", { name: "Try again" }).click(reconnect);
    server.resume();
    await ann.isSent("Anybody there?");
    await ben.sees("Anybody there?");
    // both tries arrive, and count once
    expect(await ben.texts()).toEqual(["Anybody there?"]);
  });

  test("a server that is asked to end goes at once, and its clients wait for the next one", async () => {
    const ann = await open("Ann");
    expect(await server.stop("SIGTERM")).toBe(0);
    await ann.hasState("reconnecting");
  });

  test.each(["light", "dark"] as const)("fits desktops and phones in %s colours", async (colorScheme) => {
    const ann = await open("Ann", { viewport: { width: 1200, height: 800 }, colorScheme });
    const ben = await open("Ben with a rather long name", { viewport: { width: 390, height: 844 }, colorScheme });
    await ann.say("Shall we meet at the harbour at six? I bring the charts, the thermos and two apples.");
    await ben.sees("Shall we meet at the harbour at six? I bring the charts, the thermos and two apples.");
    await ben.say("Yes!");
    await ben.say("x".repeat(300));
    await ann.sees("x".repeat(300));
    await ann.write("Gr");
    await ben.seesTyping("Ann is typing…");
    for (const tab of [ann, ben]) expect(await tab.overflows()).toBe(false);
    await ann.screenshot(`desktop-${colorScheme}`);
    await ben.screenshot(`phone-${colorScheme}`);
  });
});

/** One person's browser tab. */
class Tab {
  readonly page: Page;
  /** What the console reported as an error, and what was thrown. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
    page.on("pageerror", (error) => this.errors.push(error.message));
  }

  static async open(page: Page, url: string, name: string): Promise<Tab> {
    const tab = new Tab(page);
    await page.goto(url);
    await tab.screenshot(`welcome-${page.viewportSize()?.width}`);
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Join the chat" }).click();
    await tab.hasState("connected");
    await page.locator("#users .you").waitFor();
    return tab;
  }

  async write(text: string): Promise<void> {
    await this.page.getByLabel("Message", { exact: true }).pressSequentially(text);
  }

  async send(): Promise<void> {
    await this.page.getByRole("button", { name: "Send", exact: true }).click();
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.keyboard.press("Enter");
  }

  async sees(text: string): Promise<void> {
    await this.#message(text).waitFor(reconnect);
  }

  async isSent(text: string): Promise<void> {
    await this.#message(text).locator("time").waitFor(reconnect);
  }

  async isWaiting(text: string): Promise<void> {
    await this.#message(text).getByText("Not sent yet").waitFor();
  }

  async hasState(state: string): Promise<void> {
    await this.page.locator(`#state[data-state="${state}"]`).waitFor(reconnect);
  }

  async seesTyping(text: string): Promise<void> {
    await expect.poll(() => this.page.locator("#typing").textContent(), reconnect).toBe(text);
  }

  async seesPeople(...names: string[]): Promise<void> {
    await expect.poll(() => this.#people(), reconnect).toEqual(names);
  }

  async seesPeopleInAnyOrder(...names: string[]): Promise<void> {
    await expect.poll(async () => (await this.#people()).sort(), reconnect).toEqual(names.sort());
  }

  texts(): Promise<string[]> {
    return this.page.locator(".bubble").allTextContents();
  }

  notices(): Promise<string[]> {
    return this.page.locator(".notice").allTextContents();
  }

  overflows(): Promise<boolean> {
    return this.page.evaluate("document.documentElement.scrollWidth > innerWidth");
  }

  async screenshot(name: string): Promise<void> {
    if (screenshots === undefined) return;
    mkdirSync(screenshots, { recursive: true });
    await this.page.screenshot({ path: join(screenshots, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  async #people(): Promise<string[]> {
    const people = await this.page.locator("#users li").all();
    return Promise.all(people.map(async (item) => (await item.locator(":not(.avatar)").allTextContents()).join(" ")));
  }

  #message(text: string): Locator {
    return this.page.locator(".message").filter({ has: this.page.getByText(text, { exact: true }) });
  }
}

/** A browser reports every attempt that a server does not answer. */
function isOfRestart(text: string): boolean {
  return /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)/.test(text);
}
