import { describe, expect, test } from "vitest";
import { ChatBrowser, hasBrowser } from "./chat-browser.ts";

// text, because the page's globals are not the tests' own
const withoutStorage = `for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get() { throw new DOMException("forbidden", "SecurityError"); } });`;
const withOldStorage = `sessionStorage.setItem("bowline-chat", '{"identity":{"name":1},"rooms":"none"}');
  localStorage.setItem("key", "?");`;
const anHourAhead = `{ const now = Date.now; Date.now = () => now() + 3_600_000; }`;

describe.skipIf(!hasBrowser)("the chat, where it is hard", () => {
  const { open, openBeside, join, errors } = ChatBrowser.withServers("one for all");

  test("works in browsers that forbid storage, and with what somebody else has stored", async () => {
    for (const [name, script] of Object.entries({ withoutStorage, withOldStorage })) {
      const tab = await open({ script });
      await tab.join(name);
      await tab.page.getByRole("button", { name: "Use dark colours" }).click();
      await tab.say(name);
      await tab.hasDelivery(name, "sent");
    }
    expect(errors()).toEqual([]);
  });

  test("two tabs with the same name are one person, with other names others", async () => {
    const ann = await join("Ann", "Tabs");
    const [again, ben] = [await openBeside(ann), await openBeside(ann)];
    await again.join("Ann", "Tabs");
    await ben.join("Ben", "Tabs");
    await ben.field.pressSequentially("B");
    await again.field.pressSequentially("Hello");
    await ben.seesTyping("Ann is typing…");
    // nobody is told of themselves
    await ann.seesTyping("Ben is typing…");
    await again.page.keyboard.press("Enter");
    for (const tab of [ann, again, ben]) await tab.sees("Hello");
    for (const tab of [ann, again, ben]) await tab.seesPeople("Ann", "Ben");
    expect(await ann.page.locator(".message.mine").count()).toBe(1);
    expect(await ben.page.locator(".message.mine").count()).toBe(0);
    await again.page.close();
    await ann.say("Still here");
    await ben.sees("Still here");
    expect(await ben.notices()).toEqual([]);
    expect(errors()).toEqual([]);
  });

  test("takes any name, script and length on any screen", async () => {
    const room = "constructor";
    const small = await open({ viewport: { width: 320, height: 256 } });
    await small.join("محمد بن عبد الله", room);
    const family = await join("👨‍👩‍👧‍👦 of four", room);
    const wide = await join("W".repeat(30), room);
    expect(await family.field.inputValue()).toBe("");
    await family.say("x".repeat(2000));
    await small.sees("x".repeat(2000));
    await wide.say("مرحبا\nsecond line");
    await wide.hasDelivery("مرحبا\nsecond line", "sent");
    await wide.field.pressSequentially("W");
    await small.seesTyping(`${"W".repeat(30)} is typing…`);
    expect(await small.page.locator(".message .avatar").first().textContent()).toBe("👨‍👩‍👧‍👦");
    for (const tab of [small, family, wide]) expect(await tab.overflows()).toBe(false);
    // a long name does not push away what is said of it
    const typing = await small.page.locator(".typing").boundingBox();
    expect((typing?.x ?? 0) + (typing?.width ?? 0)).toBeLessThanOrEqual(320);
    expect(await small.barriers()).toEqual([]);
    expect(errors()).toEqual([]);
  });

  test("reads out what others say, and nothing that was said before", async () => {
    const ben = await join("Ben", "News");
    await ben.say("Before");
    await ben.hasDelivery("Before", "sent");
    const ann = await open({ script: anHourAhead });
    await ann.join("Ann", "News");
    await ann.sees("Before");
    expect(await ann.announced()).toEqual([]);
    await ben.say("Now");
    await ann.sees("Now");
    expect(await ann.announced()).toEqual(["Ben: Now"]);
    await ann.say("My own");
    await ben.sees("My own");
    expect(await ann.announced()).toEqual([]);
  });

  test("keeps the focus where it can be used, on a phone with a keyboard too", async () => {
    const ann = await open({ viewport: { width: 390, height: 844 } });
    await ann.join("Ann");
    const menu = ann.page.getByRole("button", { name: "Rooms and people" });
    await menu.press("Enter");
    await ann.page.getByRole("dialog").getByLabel("Name of a new room").fill("Knots");
    await ann.page.keyboard.press("Enter");
    await ann.page.getByRole("heading", { name: "Knots" }).waitFor();
    await expect.poll(() => ann.hasFocus(ann.field)).toBe(true);
    for (const name of ["Knots", "Harbour"]) {
      await ann.page.getByRole("heading", { name }).waitFor();
      await ann.page.getByRole("button", { name: "Leave the room" }).press("Enter");
    }
    const back = ann.page.getByRole("button", { name: "Go to Harbour" });
    await expect.poll(() => ann.hasFocus(back)).toBe(true);
    expect(await ann.barriers()).toEqual([]);
    await menu.press("Enter");
    await ann.page.getByRole("dialog").getByRole("button", { name: "Knots" }).press("Enter");
    await expect.poll(() => ann.hasFocus(ann.field)).toBe(true);
    expect(errors()).toEqual([]);
  });
});
