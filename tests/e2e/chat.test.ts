import { io } from "bowline-client";
import { describe, expect, test } from "vitest";
import { ChatBrowser, hasBrowser } from "./chat-browser.ts";
import { ChatServer } from "./chat-server.ts";

describe.skipIf(!hasBrowser)("the chat in a real browser", () => {
  const chat = ChatBrowser.withServers("one for each test");
  const { open, join, errors } = chat;

  test("two people talk, in order and in both directions", async () => {
    const [ann, ben] = [await join("Ann"), await join("Ben")];
    await ann.seesPeople("Ann", "Ben");
    await ann.say("Hello Ben");
    await ben.sees("Hello Ben");
    await ben.say("Hello Ann");
    await ann.sees("Hello Ann");
    expect(await ann.texts()).toEqual(["Hello Ben", "Hello Ann"]);
    expect(await ben.texts()).toEqual(["Hello Ben", "Hello Ann"]);
    expect(errors()).toEqual([]);
  });

  test("shows who comes and goes", async () => {
    const ann = await join("Ann");
    const ben = await join("Ben");
    await ann.seesPeople("Ann", "Ben");
    await ben.page.getByRole("button", { name: "Leave the room" }).click();
    await ann.seesPeople("Ann");
    await ben.page.getByRole("heading", { name: "You are in no room" }).waitFor();
    await ben.page.getByRole("button", { name: "Go to Harbour" }).click();
    await ann.seesPeople("Ann", "Ben");
    await ben.close();
    await ann.seesPeople("Ann");
    expect(await ann.notices()).toEqual(["Ben came in", "Ben left", "Ben came in", "Ben left"]);
  });

  test("shows who is typing until they pause or send", async () => {
    const [ann, ben] = [await join("Ann"), await join("Ben")];
    await ben.field.pressSequentially("Let me th");
    await ann.seesTyping("Ben is typing…");
    await ann.seesTyping("");
    await ben.field.pressSequentially("ink");
    await ann.seesTyping("Ben is typing…");
    await ben.page.getByRole("button", { name: "Send" }).click();
    await ann.sees("Let me think");
    await ann.seesTyping("");
  });

  test("counts what is said in the other rooms", async () => {
    const [ann, ben] = [await join("Ann"), await join("Ben", "Knots")];
    await ann.openRoom("Knots");
    await ann.seesPeople("Ann", "Ben");
    await ann.openRoom("Harbour");
    await ben.say("One");
    await ben.say("Two");
    const knots = ann.page.getByRole("list", { name: "Your rooms" }).getByRole("button", { name: "Knots 2 unread" });
    await knots.waitFor();
    expect(await ann.page.title()).toBe("(2) Harbour · Bowline chat");
    await ann.openRoom("Knots");
    expect(await ann.texts()).toEqual(["One", "Two"]);
    await knots.waitFor({ state: "detached" });
  });

  test("takes names and texts as text, never as markup", async () => {
    const name = "<b>Eve</b>";
    const text = '<img src="/x" onerror="document.title=1"> & <script>alert(1)</script>';
    const [ann, eve] = [await join("Ann"), await join(name, "<i>Room</i>")];
    await ann.openRoom("<i>Room</i>");
    await eve.say(text);
    await ann.sees(text);
    await ann.seesPeople("Ann", name);
    expect(await ann.page.locator("b, .log i, .room i, h1 i, .log img, .log script").count()).toBe(0);
    expect(errors()).toEqual([]);
  });

  test("a name belongs to one person", async () => {
    await join("Ann");
    const other = await open();
    await other.askToJoin("ann");
    await other.page.getByRole("alert").getByText("Somebody else is called Ann").waitFor();
    await other.join("Anna");
  });

  test("a tab that is loaded again is back where it was", async () => {
    const ann = await join("Ann", "Knots");
    await ann.say("Before");
    await ann.hasDelivery("Before", "sent");
    await ann.page.reload();
    await ann.sees("Before");
    expect(await ann.page.locator(".message.mine").count()).toBe(1);
  });

  test("what is said offline goes out later, once and in order", async () => {
    const [ann, ben] = [await join("Ann"), await join("Ben")];
    await ann.say("First");
    await ben.sees("First");
    await ann.page.context().setOffline(true);
    await ann.hasState("offline");
    await ann.say("Second");
    await ann.say("Third");
    await ann.hasDelivery("Third", "waiting");
    await ben.say("Meanwhile");
    await ben.hasDelivery("Meanwhile", "sent");
    await ann.page.context().setOffline(false);
    await ann.hasState("connected");
    await ann.hasDelivery("Third", "sent");
    await ben.sees("Third");
    for (const tab of [ann, ben]) expect(await tab.texts()).toEqual(["First", "Meanwhile", "Second", "Third"]);
    expect(errors().filter((text) => !isOfNetwork(text))).toEqual([]);
  });

  test("comes back by itself when the server is killed and started again", async () => {
    const [ann, ben] = [await join("Ann"), await join("Ben")];
    await ben.say("Before");
    await ann.sees("Before");
    await ben.field.pressSequentially("Here we are");
    await ann.seesTyping("Ben is typing…");
    await chat.server.stop("SIGKILL");
    await ann.hasState("reconnecting");
    await ben.hasState("reconnecting");
    await ann.say("Said into the void");
    await ann.hasDelivery("Said into the void", "waiting");

    chat.server = await ChatServer.start(chat.server.port);
    await ben.sees("Said into the void");
    await ann.hasDelivery("Said into the void", "sent");
    await ann.seesPeople("Ann", "Ben");
    // what was being typed is still there, and so is the word that somebody types
    await ben.field.pressSequentially(" again");
    await ann.seesTyping("Ben is typing…");
    await ben.page.keyboard.press("Enter");
    await ann.sees("Here we are again");
    for (const tab of [ann, ben])
      expect(await tab.texts()).toEqual(["Before", "Said into the void", "Here we are again"]);
    expect(errors().filter((text) => !isOfNetwork(text))).toEqual([]);
  });

  test("says what was not sent, and sends it when asked to", async () => {
    const [ann, ben] = [await join("Ann"), await join("Ben")];
    chat.server.pause();
    await ann.say("Anybody there?");
    await ann.hasDelivery("Anybody there?", "failed");
    await ann.page.getByRole("button", { name: "Try again" }).click();
    chat.server.resume();
    await ann.hasDelivery("Anybody there?", "sent");
    await ben.sees("Anybody there?");
    // both tries arrive, and count once
    expect(await ben.texts()).toEqual(["Anybody there?"]);
    expect(await ann.texts()).toEqual(["Anybody there?"]);
  });

  test("a server that is asked to end goes at once, and its clients wait for the next one", async () => {
    const ann = await join("Ann");
    expect(await chat.server.stop("SIGTERM")).toBe(0);
    await ann.hasState("reconnecting");
  });

  test("ten thousand messages scroll like ten, on a phone as well", async () => {
    const ann = await join("Ann");
    const flood = io(chat.server.url, { forceNew: true });
    await flood.emitWithAck("user:join", { name: "Flood", key: "key-of-flood" });
    await flood.emitWithAck("room:join", { room: "Harbour" });
    const message = (index: number): object => ({
      id: `message-${index}`,
      room: "Harbour",
      text: `Message ${index} ${"and some more words ".repeat(index % 12)}`,
    });
    for (let index = 0; index < 9990; index++) flood.emit("message:send", message(index), () => {});
    for (let index = 9990; index < 10_000; index++) await flood.emitWithAck("message:send", message(index));
    // stays at the end while they come
    await expect.poll(async () => (await ann.texts()).at(-1), { timeout: 20_000 }).toMatch(/^Message 9999/);
    expect(await ann.page.locator("*").count()).toBeLessThan(1000);

    // somewhere in the middle, new messages do not move what is read
    await ann.log.evaluate((log) => log.scrollTo(0, log.scrollHeight / 2));
    await ann.page.getByRole("button", { name: "Newest" }).waitFor();
    const middle = await ann.texts();
    await flood.emitWithAck("message:send", message(10_000));
    await ann.page.getByRole("button", { name: "1 new message" }).waitFor();
    expect((await ann.texts()).filter((text) => middle.includes(text)).length).toBeGreaterThan(middle.length / 2);
    expect(await ann.page.locator("*").count()).toBeLessThan(1000);

    const phone = await open({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    await phone.join("Ben");
    await expect.poll(async () => (await phone.texts()).at(-1)).toMatch(/^Message 10000/);
    for (const tab of [ann, phone]) {
      const [perFrame, perKey] = [(await tab.cost(scrolling)) / frames, (await tab.cost(typing)) / keys];
      expect({ perFrame, perKey }).toSatisfy(() => perFrame < 40 && perKey < 20);
      expect(await tab.page.locator("*").count()).toBeLessThan(1000);
    }

    await ann.field.press("Escape");
    await expect.poll(async () => (await ann.texts()).at(-1)).toMatch(/^Message 10000/);
    flood.disconnect();
  });

  test("can be used with the keyboard alone", async () => {
    const ann = await open();
    await ann.page.locator("input:focus").waitFor();
    await ann.page.keyboard.type("Ann");
    await ann.page.keyboard.press("Enter");
    await ann.page.getByRole("heading", { name: "Harbour" }).waitFor();
    // the focus is where one writes
    await ann.page.keyboard.type("One");
    await ann.page.keyboard.press("Shift+Enter");
    await ann.page.keyboard.type("Two");
    await ann.page.keyboard.press("Enter");
    await ann.sees("One\nTwo");
    await ann.page.getByLabel("Name of a new room").fill("Knots");
    await ann.page.keyboard.press("Enter");
    await ann.page.getByRole("heading", { name: "Knots" }).waitFor();
    await ann.page.getByRole("navigation").getByRole("button", { name: "Knots" }).focus();
    await ann.page.keyboard.press("ArrowUp");
    await ann.page.keyboard.press("Enter");
    await ann.page.getByRole("heading", { name: "Harbour" }).waitFor();
  });

  test.each(["light", "dark"] as const)("has no barriers and fits every screen in %s colours", async (colorScheme) => {
    const desk = await open({ viewport: { width: 1280, height: 800 }, colorScheme });
    const phone = await open({ viewport: { width: 390, height: 844 }, colorScheme });
    for (const tab of [desk, phone]) expect(await tab.barriers()).toEqual([]);
    await desk.join("Ann");
    await phone.join("Ben with a rather long name");
    await desk.say("Shall we meet at the harbour at six? I bring the charts, the thermos and two apples.");
    await phone.say("x".repeat(300));
    await desk.sees("x".repeat(300));
    await desk.field.pressSequentially("Gr");
    await phone.seesTyping("Ann is typing…");
    for (const tab of [desk, phone]) {
      expect(await tab.barriers()).toEqual([]);
      expect(await tab.overflows()).toBe(false);
    }
    await phone.page.getByRole("button", { name: "Rooms and people" }).click();
    expect(await phone.barriers()).toEqual([]);
    await phone.page.keyboard.press("Escape");
    await phone.page.getByRole("dialog").waitFor({ state: "hidden" });
    expect(errors()).toEqual([]);
  });

  test("keeps the colours that somebody chooses", async () => {
    const ann = await open({ colorScheme: "light" });
    await ann.page.getByRole("button", { name: "Use dark colours" }).click();
    await ann.page.reload();
    await ann.page.getByRole("button", { name: "Use light colours" }).waitFor();
    expect(await ann.page.evaluate("getComputedStyle(document.documentElement).colorScheme")).toBe("dark");
  });
});

// text, because the page's globals are not the tests' own
const frames = 60;
const scrolling = `new Promise((resolve) => {
  const log = document.querySelector(".log");
  let left = ${frames};
  const step = () => {
    log.scrollBy(0, -1500);
    if (--left > 0) requestAnimationFrame(step); else resolve();
  };
  requestAnimationFrame(step);
})`;

const keys = 20;
const typing = `(async () => {
  const field = document.querySelector("textarea");
  const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
  for (let index = 1; index <= ${keys}; index++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    set.call(field, "x".repeat(index));
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    // after React has rendered and the browser has laid out
    await new Promise((resolve) => queueMicrotask(resolve));
    field.getBoundingClientRect();
  }
})()`;

/** A browser reports every attempt that nobody answers. */
function isOfNetwork(text: string): boolean {
  return /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|INTERNET_DISCONNECTED)/.test(
    text,
  );
}
