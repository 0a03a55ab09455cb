/**
 * Names of properties that only our own modules use: the browser build shortens them, as it does with `#private` ones.
 * None of them may be a name of the public API, of the platform, or of data that travels. A test holds that.
 */
export const internalNames = [
  "abandon",
  "activate",
  "advance",
  "base64",
  "base64Read",
  "bufferedBytes",
  "codec",
  "deactivate",
  "deadline",
  "emitNow",
  "fail",
  "flowing",
  "frames",
  "fromAttachment",
  "greeting",
  "isBusy",
  "isOverdue",
  "listen",
  "listenersOf",
  "onClose",
  "onError",
  "onMessage",
  "onOpen",
  "onPause",
  "onPing",
  "onReady",
  "onUpgrade",
  "original",
  "pause",
  "platform",
  "receive",
  "receiveProbe",
  "resume",
  "self",
  "setListeners",
  "table",
  "timer",
  "toAttachment",
  "utf8Length",
];

/** What esbuild's `mangleProps` wants. */
export const internalPattern = new RegExp(`^(${internalNames.join("|")})$`);
