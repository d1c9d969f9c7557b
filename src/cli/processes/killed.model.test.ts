// Real processes, real sockets: server and device are killed and connections are reset at random moments, a hundred times
// while an answer is being written. Every text is, token by token, the one that the target writes undisturbed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../sim/random.js';
import { CutProxy, DeviceVictim, freePort, type LineEvent, ServerVictim } from './victims.suite.js';

const strikeCount = 100;
const tokensMax = 48;
/** An answer that takes longer never ends. */
const answerMsMax = 40_000;
const victims = ['server', 'device', 'connection'] as const;
type Victim = (typeof victims)[number];

const prompts = ['The old clock', 'Once upon a time there was a', 'Lily and Tom went to'];

/** The end token is banned, so that every answer is long enough to be struck. */
const requests = prompts.flatMap((prompt, index) =>
  (['greedy', 'coupled'] as const).map((scheme) => ({
    prompt,
    scheme,
    temperature: scheme === 'greedy' ? 0 : 0.8,
    seed: `${index + 1}`,
    maxTokens: tokensMax,
    logitBias: { 2: '-inf' },
  })),
);
type Request = (typeof requests)[number] & { readonly mode?: string };

/** Server, proxy and device, and the answer that is being written. */
class Scene {
  readonly server: ServerVictim;
  readonly proxy: CutProxy;
  #device: DeviceVictim | null = null;
  #address = '';
  #tokens: number[] = [];
  #end: LineEvent | null = null;
  #id = 0;

  constructor(port: number) {
    this.server = new ServerVictim(port, ['-m', 'stories-target', '-t', '1', '-c', '128']);
    this.proxy = new CutProxy(port);
  }

  async open(): Promise<void> {
    await this.server.start();
    this.#address = await this.proxy.listen();
    this.startDevice();
  }

  startDevice(): void {
    const args = ['-md', 'stories-draft', '-t', '1', '-c', '128'];
    this.#device = new DeviceVictim(this.#address, args, (event) => this.#hear(event));
    this.#device.start();
  }

  async killDevice(): Promise<void> {
    await this.#device?.kill();
  }

  #hear(event: LineEvent): void {
    if (event.id !== this.#id) return;
    if (event.event === 'token') this.#tokens.push(event.token!);
    if (event.event === 'end' || event.event === 'error') this.#end = event;
  }

  ask(request: Request): void {
    this.#tokens = [];
    this.#end = null;
    this.#device!.ask({ id: ++this.#id, ...request });
  }

  get tokens(): readonly number[] {
    return this.#tokens;
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  /** Waits until so many tokens are there, or the answer is over. */
  async until(count: number): Promise<void> {
    const untilMs = performance.now() + answerMsMax;
    while (!this.isOver && this.#tokens.length < count) {
      assert.ok(performance.now() < untilMs, `${this.#tokens.length} tokens in ${answerMsMax} ms`);
      await delay(2);
    }
  }

  async finished(): Promise<readonly number[]> {
    await this.until(Infinity);
    assert.equal(this.#end?.event, 'end', `${this.#end?.code}: ${this.#end?.message}`);
    return this.#tokens;
  }

  async close(): Promise<void> {
    await this.killDevice();
    await this.proxy.close();
    await this.server.kill();
  }
}

/** @returns whether an answer was being written. */
async function strike(scene: Scene, victim: Victim, request: Request, random: Random) {
  const wasOpen = !scene.isOver;
  switch (victim) {
    case 'connection':
      return scene.proxy.cut() > 0 && wasOpen;
    case 'server':
      await scene.server.kill();
      await delay(random.within([0, 300]));
      await scene.server.start();
      return wasOpen;
    case 'device':
      await scene.killDevice();
      scene.startDevice();
      scene.ask(request);
      return wasOpen;
  }
}

describe('killed processes and cut sockets', () => {
  it(`change no text, ${strikeCount} times of ${strikeCount}`, { timeout: 900_000 }, async () => {
    const scene = new Scene(await freePort());
    await scene.open();
    try {
      const expected: (readonly number[])[] = [];
      for (const request of requests) {
        scene.ask({ ...request, mode: 'stream' });
        expected.push([...(await scene.finished())]);
      }
      assert.ok(expected.every(({ length }) => length === tokensMax));
      const random = new Random(1, 'strikes');
      let struck = 0;
      for (let round = 0; struck < strikeCount; round++) {
        assert.ok(round < 2 * strikeCount, `${struck} of ${round} strikes met an answer`);
        const which = round % requests.length;
        const request = requests[which]!;
        scene.ask(request);
        await scene.until(random.below(tokensMax - 8));
        await delay(random.within([0, 15]));
        const before = [...scene.tokens];
        assert.deepEqual(before, expected[which]!.slice(0, before.length), `round ${round}`);
        const victim = random.pick(victims);
        if (await strike(scene, victim, request, random)) struck++;
        assert.deepEqual(await scene.finished(), expected[which], `round ${round}, ${victim}`);
      }
    } finally {
      await scene.close();
    }
  });
});
