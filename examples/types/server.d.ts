declare const io: import("bowline").Server;
declare const socket: import("bowline").Socket;
declare const adminNamespace: import("bowline").Namespace;
