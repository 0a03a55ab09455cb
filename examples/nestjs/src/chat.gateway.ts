import { MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from "@nestjs/websockets";
import type { Server } from "socket.io";

@WebSocketGateway()
export class ChatGateway {
  @WebSocketServer()
  readonly io!: Server;

  @SubscribeMessage("greet")
  greet(@MessageBody() name: string): string {
    return `Hello, ${name}`;
  }

  @SubscribeMessage("reverse")
  reverse(@MessageBody() bytes: Buffer): Buffer {
    return Buffer.from(bytes).reverse();
  }
}
