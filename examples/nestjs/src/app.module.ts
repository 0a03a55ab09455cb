import { Module } from "@nestjs/common";
import { AppController } from "./app.controller.js";
import { ChatGateway } from "./chat.gateway.js";

@Module({ controllers: [AppController], providers: [ChatGateway] })
export class AppModule {}
