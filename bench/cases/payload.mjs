/** The one argument of every event that is measured: 32 bytes of ASCII. */
export const TEXT = "0123456789abcdef0123456789abcdef";

/** What the cases beyond the table send: an argument, and how its event `message` looks on the wire. */
const textPayload = (text) => ({ value: text, wire: `42["message","${text}"]` });

export const smallText = textPayload(TEXT);
export const text16K = textPayload(TEXT.repeat(512));
export const text100K = textPayload(TEXT.repeat(3_200));
export const binary1K = {
  value: Buffer.alloc(1_024, TEXT),
  wire: '451-["message",{"_placeholder":true,"num":0}]',
  attachment: Buffer.alloc(1_024, TEXT),
};
