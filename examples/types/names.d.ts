// names that the snippets leave to their surroundings, on either side

/** The chat's types, which its server declares. */
interface User {
  id: string;
  name: string;
}
interface Message {
  id: string;
  userId: string;
  userName: string;
  text: string;
  timestamp: Date;
}

declare const data: { id: number };
declare const socketId: string;
declare const socketId1: string;
declare const socketId2: string;
declare function saveToDatabase(data: { id: number; name: string }): { id: number };
declare function isValidToken(token: string): boolean;
declare function isValidAdminToken(token: string): boolean;
declare function decodeToken(token: string): { name: string };
