/** The one argument of every event that is measured: 32 bytes of ASCII. */
export const TEXT = "0123456789abcdef0123456789abcdef";
