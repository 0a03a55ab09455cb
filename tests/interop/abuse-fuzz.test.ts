import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { randomOf } from "../../packages/server/src/test-kit-random.ts";
import { frame, getRequest, guardProcess, Peer, pause, postHead, scene, sessionsOf, textFrame } from "./abuse-peer.ts";
import { until } from "./harness.ts";
import { forOurServer, type Pair } from "./peers.ts";
import { upgradeHead } from "./wire.ts";

guardProcess();

const PACKETS = [
  ...["40", "40/dynamic,", "40/x?a=1,", "41", '40{"pid":"x","offset":"y"}', '44{"message":"x"}'],
  ...['42["echo",1]', '42["echo","€😀"]', '420["ack",1]', '451-["echo",{"_placeholder":true,"num":0}]', "430[]"],
  ...["0", "1", "2", "3", "4", "5", "6", "7", "", "2probe", "bAQID", `42["echo","${"z".repeat(3_000)}"]`],
];

const deflated = (text: string): Buffer =>
  deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

/** Makes requests that nearly are what clients send. */
class Forge {
  readonly #random: (below: number) => number;
  /** Ids of sessions that may still live. */
  readonly sids: string[] = [];

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#random(list.length)]!;
  }

  chance(one: number): boolean {
    return this.#random(one) === 0;
  }

  /** Bytes, whole or damaged, in one piece or cut somewhere. */
  pieces(): Buffer[] {
    const whole = this.pick([this.#upgrade, this.#post, this.#get]).call(this);
    const bytes = this.chance(3) ? this.#damaged(whole) : whole;
    const cut = this.#random(bytes.length + 1);
    return [bytes.subarray(0, cut), bytes.subarray(cut)];
  }

  #path(transport: string): string {
    const sid = this.chance(4) || this.sids.length === 0 ? "" : `&sid=${this.pick(this.sids)}`;
    const more = this.pick(["", "", "", "&b64=1", "&j=3"]);
    return `/socket.io/?EIO=${this.pick([3, 4, 4])}&transport=${transport}${more}${sid}`;
  }

  #get(): Buffer {
    return Buffer.from(getRequest(this.#path("polling"), [this.pick(["Accept-Encoding: gzip", "X: y"])]));
  }

  #post(): Buffer {
    const packets = [this.pick(PACKETS), this.pick(PACKETS)];
    const bodies = [packets.join("\u001e"), "2:40", `d=${encodeURIComponent(packets.join("\u001e"))}`];
    const body = this.pick(bodies);
    return Buffer.from(postHead(this.#path("polling"), Buffer.byteLength(body)) + body);
  }

  #upgrade(): Buffer {
    const offer = this.pick([["Sec-WebSocket-Extensions: permessage-deflate"], []]);
    const frames = Array.from({ length: this.#random(8) }, () => this.#frame(this.pick(PACKETS)));
    return Buffer.concat([Buffer.from(upgradeHead(this.#path("websocket"), offer)), ...frames]);
  }

  #frame(packet: string): Buffer {
    return this.pick([
      () => textFrame(packet),
      () => textFrame(packet),
      () => frame(0xc1, deflated(packet)),
      () => frame(0x82, Buffer.from([4, 1, 2])),
      () => Buffer.concat([frame(0x01, packet.slice(0, 2)), frame(0x89, "x"), frame(0x80, packet.slice(2))]),
      () => frame(this.#random(256), packet),
      () => frame(0x88, Buffer.from([3, 232 + this.#random(20)])),
    ])();
  }

  #damaged(bytes: Buffer): Buffer {
    const at = this.#random(bytes.length);
    const byte = Buffer.from([this.#random(256)]);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    return this.pick([
      before,
      Buffer.concat([before, byte, after]),
      Buffer.concat([before, byte, after.subarray(1)]),
      Buffer.concat([bytes, after]),
    ]);
  }
}

async function attack(port: number, forge: Forge): Promise<void> {
  const peer = new Peer(port);
  for (let count = 0; count < 3; count++) {
    for (const piece of forge.pieces()) {
      peer.write(piece);
      if (forge.chance(2)) await pause(0);
    }
  }
  await pause(forge.pick([0, 5, 20]));
  for (const [, sid = ""] of peer.text.matchAll(/sid\\?":\\?"([\w-]{20})/g)) forge.sids.push(sid);
  forge.sids.splice(0, forge.sids.length - 20);
  forge.pick([() => peer.reset(), () => peer.socket.destroy(), () => peer.socket.end()])();
}

function fuzz(pair: Pair): void {
  test.each([1, 2, 3])(
    "requests, upgrades and frames that are damaged or cut anywhere harm nobody (abuse 15, 69, 117, 120, seed %i)",
    async (seed) => {
      const all = await scene(pair, {
        allowEIO3: true,
        jsonp: true,
        perMessageDeflate: { threshold: 0 },
        httpCompression: { threshold: 1 },
        connectionStateRecovery: { skipMiddlewares: false },
        connectTimeout: 100,
        upgradeTimeout: 100,
        limits: { bodyTimeout: 50, messageTimeout: 50 },
      });
      all.io.of(/^\/dynamic$/);
      all.io.use((_socket, next) => queueMicrotask(next));
      const forge = new Forge(seed);
      for (let count = 0; count < 20; count++) {
        await Promise.all(Array.from({ length: 20 }, () => attack(all.port, forge)));
        all.io.except(all.bystander.id ?? "").emit("all", "x".repeat(count * 100), Buffer.alloc(count));
      }
      // requests behind others would open sessions yet; those on polling would wait for a last poll
      all.httpServer.closeAllConnections();
      const own = (all.bystander.io.engine as { id?: string }).id;
      const closeOthers = (): boolean => {
        for (const [id, session] of Object.entries(sessionsOf(all.io))) if (id !== own) session.close(true);
        return all.io.engine.clientsCount === 1;
      };
      await until(closeOthers, "end of all others");
      await all.unharmed();
      await until(() => all.io.of("/").sockets.size === 1, "only the bystander's socket");
      expect(all.io.of("/").adapter.rooms.size).toBe(1);
    },
  );
}

forOurServer((pair) => describe("mutations", () => fuzz(pair)));
