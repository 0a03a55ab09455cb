import { Controller, Get } from "@nestjs/common";
import { ChatGateway } from "./chat.gateway.js";

@Controller()
export class AppController {
  constructor(private readonly chat: ChatGateway) {}

  @Get()
  hello(): string {
    return "Hello from NestJS";
  }

  @Get("online")
  online(): number {
    return this.chat.io.engine.clientsCount;
  }
}
