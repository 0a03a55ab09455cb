import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { expect } from "vitest";

const axe = join(import.meta.dirname, "../../node_modules/axe-core/axe.min.js");
/** A client tries again after at most 3 s, and 1.5 s of chance. */
const patience = { timeout: 15_000 };

interface AxeResult {
  readonly violations: readonly { id: string; nodes: readonly { html: string; failureSummary: string }[] }[];
}

/** A browser profile, and a script that runs before those of the page. */
export type TabOptions = NonNullable<Parameters<Browser["newContext"]>[0]> & { readonly script?: string };

/** One person's browser tab. */
export class Tab {
  readonly page: Page;
  /** What the console reported as an error, and what was thrown. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
    page.on("pageerror", (error) => this.errors.push(error.message));
  }

  /** A tab of its own browser profile, before its owner has said a name. */
  static async open(browser: Browser, url: string, { script, ...options }: TabOptions = {}): Promise<Tab> {
    const context = await browser.newContext({ reducedMotion: "reduce", ...options });
    if (script !== undefined) await context.addInitScript(script);
    const tab = new Tab(await context.newPage());
    await tab.page.goto(url);
    return tab;
  }

  /** A tab of the same browser profile. */
  static async openBeside(tab: Tab): Promise<Tab> {
    const beside = new Tab(await tab.page.context().newPage());
    await beside.page.goto(tab.page.url());
    return beside;
  }

  get field(): Locator {
    return this.page.getByLabel("Message", { exact: true });
  }

  get log(): Locator {
    return this.page.getByRole("log");
  }

  async askToJoin(name: string, room = "Harbour"): Promise<void> {
    await this.page.getByLabel("Your name").fill(name);
    await this.page.getByLabel("Room").fill(room);
    await this.page.getByRole("button", { name: "Join the chat" }).click();
  }

  async join(name: string, room = "Harbour"): Promise<void> {
    await this.askToJoin(name, room);
    await this.page.getByRole("heading", { name: room }).waitFor(patience);
    await this.hasState("connected");
  }

  async openRoom(name: string): Promise<void> {
    await this.page.getByRole("navigation").getByRole("button", { name }).click();
    await this.page.getByRole("heading", { name }).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.page.keyboard.press("Enter");
  }

  async sees(text: string): Promise<void> {
    await this.#message(text).waitFor(patience);
  }

  async hasDelivery(text: string, delivery: "waiting" | "sending" | "failed" | "sent"): Promise<void> {
    await expect.poll(() => this.#message(text).getAttribute("data-delivery"), patience).toBe(delivery);
  }

  async hasState(state: string): Promise<void> {
    await this.page.locator(`.connection[data-state="${state}"]`).waitFor(patience);
  }

  async seesTyping(text: string): Promise<void> {
    await expect
      .poll(() => this.page.locator(".typing").allTextContents(), patience)
      .toEqual(text === "" ? [] : [text]);
  }

  async seesPeople(...names: string[]): Promise<void> {
    const shown = async (): Promise<string[]> =>
      (await this.page.locator(".people li .name").allTextContents()).sort((a, b) => a.localeCompare(b));
    await expect.poll(shown, patience).toEqual(names.sort((a, b) => a.localeCompare(b)));
  }

  /** What is said in the room, from top to bottom, as far as it is in view. */
  texts(): Promise<string[]> {
    return this.page.locator(".log li").evaluateAll((rows) =>
      rows
        .filter((row) => row.querySelector(".bubble"))
        .sort((a, b) => Number(a.getAttribute("aria-posinset")) - Number(b.getAttribute("aria-posinset")))
        .map((row) => row.querySelector(".bubble")?.textContent ?? ""),
    );
  }

  notices(): Promise<string[]> {
    return this.page.locator(".notice").allTextContents();
  }

  hasFocus(element: Locator): Promise<boolean> {
    return element.evaluate((each) => each === each.ownerDocument.activeElement);
  }

  /** What is read out to who cannot see it. */
  announced(): Promise<string[]> {
    return this.page.locator("[aria-live=polite] p").allTextContents();
  }

  overflows(): Promise<boolean> {
    return this.page.evaluate("document.documentElement.scrollWidth > innerWidth");
  }

  /** What keeps people from using the page, by axe-core. */
  async barriers(): Promise<string[]> {
    // a page's policy allows no added scripts, but a debugger may evaluate anything
    await this.page.evaluate(readFileSync(axe, "utf8"));
    const { violations } = await this.page.evaluate<AxeResult>("axe.run()");
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  }

  /** Milliseconds of processor time that the page needs for some work: what else the machine does makes no difference. */
  async cost(work: string): Promise<number> {
    const session = await this.page.context().newCDPSession(this.page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const used = async (): Promise<number> => {
      const { metrics } = await session.send("Performance.getMetrics");
      return 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN);
    };
    const before = await used();
    await this.page.evaluate(work);
    const cost = (await used()) - before;
    await session.detach();
    return cost;
  }

  /** Closes the tab and its profile. */
  async close(): Promise<void> {
    await this.page.context().close();
  }

  #message(text: string): Locator {
    return this.page.locator(".message").filter({ has: this.page.getByText(text, { exact: true }) });
  }
}
