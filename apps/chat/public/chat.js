/**
 * @import { Socket } from "bowline-client"
 * @import { ClientEvents, Message, ServerEvents, User } from "../events.ts"
 *
 * @typedef {"waiting" | "sent" | "failed"} Delivery
 */

const ackTimeout = 5000;
const typingPause = 2000;
const typingLasts = 2 * typingPause;
const longestLog = 500;

const stateView = element("state", HTMLElement);
const welcome = element("welcome", HTMLElement);
const joinForm = element("join", HTMLFormElement);
const nameField = element("name", HTMLInputElement);
const chat = element("chat", HTMLElement);
const count = element("count", HTMLElement);
const userList = element("users", HTMLElement);
const log = element("log", HTMLElement);
const typingView = element("typing", HTMLElement);
const composer = element("composer", HTMLFormElement);
const textField = element("text", HTMLTextAreaElement);

/** @type {string | undefined} our name, once we have chosen it: who has one joins again after every connect */
let ownName;
let hasJoined = false;
/** @type {User[]} */
let users = [];
/** @type {Map<string, Message>} what we said and the server has not confirmed, oldest first */
const unsent = new Map();
/** @type {Map<string, { item: HTMLElement, setDelivery: (delivery: Delivery) => void }>} the messages in the log */
const shown = new Map();

/** @type {Socket<ServerEvents, ClientEvents>} */
const socket = io();

// connection

socket.on("connect", () => {
  showState("connected");
  join();
});

socket.on("disconnect", (reason) => {
  hasJoined = false;
  typing.clear();
  for (const id of unsent.keys()) shown.get(id)?.setDelivery("waiting");
  // the one case in which the client does not come back by itself
  if (reason === "io server disconnect") socket.connect();
  showState("reconnecting");
});

socket.on("connect_error", () => showState(navigator.onLine ? "reconnecting" : "offline"));

/** @param {"connected" | "reconnecting" | "offline"} state */
function showState(state) {
  stateView.dataset.state = state;
  stateView.textContent = { connected: "Connected", reconnecting: "Reconnecting…", offline: "Offline" }[state];
}

// who is here

joinForm.addEventListener("submit", (event) => {
  event.preventDefault();
  ownName = nameField.value.trim();
  if (ownName === "") return;
  rememberName(ownName);
  welcome.hidden = true;
  chat.hidden = false;
  textField.focus();
  join();
});

function join() {
  if (ownName === undefined || !socket.connected) return;
  socket.emit("user:join", ownName, (history) => {
    hasJoined = true;
    for (const message of history) showMessage(message);
    for (const message of unsent.values()) send(message);
  });
}

socket.on("users:list", (list) => {
  users = list;
  count.textContent = String(users.length);
  userList.replaceChildren(...users.map(userItem));
  typing.keep(users);
});

socket.on("user:joined", (user) => {
  // after a restart everybody joins again, and nobody wants to read it
  if (!users.some(({ name }) => name === user.name)) showNotice(`${user.name} joined`);
});

socket.on("user:left", (user) => showNotice(`${user.name} left`));

/** @param {User} user */
function userItem({ id, name }) {
  const item = create("li", "");
  item.append(avatar(name), create("span", "name", name));
  if (id === socket.id) item.append(create("span", "you", "you"));
  return item;
}

// messages

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = textField.value.trim();
  if (text === "" || ownName === undefined) return;
  const message = { id: newId(), userId: socket.id ?? "", userName: ownName, text, timestamp: Date.now() };
  unsent.set(message.id, message);
  showMessage(message, "waiting");
  log.scrollTop = log.scrollHeight;
  textField.value = "";
  ownTyping.stop();
  send(message);
});

/**
 * Only after joining: a message from nobody would be lost. The others wait in `unsent` for the next join.
 * @param {Message} message
 */
function send({ id, text }) {
  shown.get(id)?.setDelivery("waiting");
  if (!hasJoined) return;
  socket.timeout(ackTimeout).emit("message:send", { id, text }, (/** @type {Error | null} */ error) => {
    if (error === null) confirm(id);
    else if (socket.connected && unsent.has(id)) shown.get(id)?.setDelivery("failed");
  });
}

/** @param {string} id */
function confirm(id) {
  unsent.delete(id);
  shown.get(id)?.setDelivery("sent");
}

socket.on("message:new", (message) => {
  typing.remove(message.userId);
  showMessage(message);
});

/**
 * Adds a message to the log, or marks it as sent when it is there already.
 * @param {Message} message
 * @param {Delivery} [delivery]
 */
function showMessage(message, delivery = "sent") {
  if (shown.has(message.id)) return confirm(message.id);
  const isMine = delivery === "waiting";
  const item = create("li", isMine ? "message mine" : "message");
  item.style.setProperty("--hue", String(hueOf(message.userName)));
  item.dataset.author = isMine ? "" : message.userName;
  const previous = log.lastElementChild;
  if (previous instanceof HTMLElement && previous.dataset.author === item.dataset.author) item.classList.add("follows");
  const footer = create("footer", "");
  item.append(create("span", "who", isMine ? "You" : message.userName), create("div", "bubble", message.text), footer);

  /** @param {Delivery} next */
  const setDelivery = (next) => {
    item.classList.toggle("waiting", next === "waiting");
    item.classList.toggle("failed", next === "failed");
    footer.replaceChildren(...deliveryView(message, next));
  };
  setDelivery(delivery);
  shown.set(message.id, { item, setDelivery });
  appendToLog(item);
}

/**
 * @param {Message} message
 * @param {Delivery} delivery
 * @returns {(Node | string)[]}
 */
function deliveryView(message, delivery) {
  if (delivery === "waiting") return [hasJoined ? "Sending…" : "Not sent yet"];
  if (delivery === "sent") return [timeView(message.timestamp)];
  const retry = create("button", "", "Try again");
  retry.addEventListener("click", () => {
    send(message);
    textField.focus();
  });
  return ["Not sent.", retry];
}

/** @param {string} text */
function showNotice(text) {
  if (ownName !== undefined) appendToLog(create("li", "notice", text));
}

/** @param {HTMLElement} item */
function appendToLog(item) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  log.append(item);
  while (log.childElementCount > longestLog) log.firstElementChild?.remove();
  for (const [id, { item: oldest }] of shown) {
    if (oldest.isConnected) break;
    shown.delete(id);
  }
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

// typing

/** Who else is typing. Each one is forgotten after a while, as a "stop" may get lost. */
const typing = {
  /** @type {Map<string, { name: string, timer: number }>} */
  people: new Map(),

  /** @param {User} user */
  add({ id, name }) {
    clearTimeout(this.people.get(id)?.timer);
    this.people.set(id, { name, timer: window.setTimeout(() => this.remove(id), typingLasts) });
    this.show();
  },

  /** @param {string} id */
  remove(id) {
    clearTimeout(this.people.get(id)?.timer);
    this.people.delete(id);
    this.show();
  },

  /** @param {readonly User[]} present */
  keep(present) {
    for (const id of this.people.keys()) if (!present.some((user) => user.id === id)) this.remove(id);
  },

  clear() {
    this.keep([]);
  },

  show() {
    const names = [...this.people.values()].map(({ name }) => name);
    if (names.length > 3) typingView.textContent = "Several people are typing…";
    else
      typingView.textContent =
        names.length === 0 ? "" : `${listFormat.format(names)} ${names.length > 1 ? "are" : "is"} typing…`;
  },
};
const listFormat = new Intl.ListFormat("en");

socket.on("user:typing", (user) => typing.add(user));
socket.on("user:stopped-typing", (id) => typing.remove(id));

/** What we tell the others: once when we start, again while we go on, once when we pause. */
const ownTyping = {
  /** @type {number | undefined} */
  pause: undefined,
  toldAt: 0,

  tell() {
    if (!hasJoined) return;
    if (Date.now() - this.toldAt > typingPause) {
      this.toldAt = Date.now();
      socket.volatile.emit("typing:start");
    }
    clearTimeout(this.pause);
    this.pause = window.setTimeout(() => this.stop(), typingPause);
  },

  stop() {
    clearTimeout(this.pause);
    if (this.toldAt === 0) return;
    this.toldAt = 0;
    if (hasJoined) socket.emit("typing:stop");
  },
};

textField.addEventListener("input", () => (textField.value.trim() === "" ? ownTyping.stop() : ownTyping.tell()));

textField.addEventListener("keydown", (event) => {
  // while a word is being composed, Enter chooses it
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});

// small parts

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no #${id}`);
  return found;
}

/**
 * Text goes in as text: nothing that people write is ever markup.
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
function create(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** @param {string} name */
function avatar(name) {
  const made = create("span", "avatar", ([...name][0] ?? "").toUpperCase());
  made.style.setProperty("--hue", String(hueOf(name)));
  made.setAttribute("aria-hidden", "true");
  return made;
}

/** @param {string} name */
function hueOf(name) {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return hash % 360;
}

/** @param {number} timestamp */
function timeView(timestamp) {
  const date = new Date(timestamp);
  const made = create("time", "", date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  made.setAttribute("datetime", date.toISOString());
  return made;
}

/** `crypto.randomUUID` only exists on https and localhost, and a chat is tried from a phone, too. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("");
}

/** @param {string} name */
function rememberName(name) {
  try {
    localStorage.setItem("name", name);
  } catch {
    // a browser that forbids storage only costs the comfort
  }
}

try {
  nameField.value = localStorage.getItem("name") ?? "";
} catch {
  // as above
}
nameField.focus();
