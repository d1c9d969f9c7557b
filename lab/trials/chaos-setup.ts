// A server, a device and a gateway as processes, on a link that can be cut, and the two answers that are being written: one
// over the device's lines, one over the gateway's HTTP. What is struck is put right again; what was lost is asked for again.

import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import {
  CliDevice,
  CliGateway,
  CliServer,
  freePort,
  type LineEvent,
} from '../../src/cli/processes/cli-process.js';
import type { GenerateOptions } from '../../src/device/index.js';
import { plainSampling } from '../../src/math/sampling.js';
import type { Mode, Scheme } from '../../src/protocol/frame.js';
import type { ServerStats } from '../../src/server/index.js';
import { type BreakingLink, breakingLink } from './breaking-link.js';
import { completion } from './http-client.js';

/** An answer that takes longer never ends. */
export const answerMsMax = 60_000;

/** What is asked for; the end token is banned, so that every answer is long enough to be struck. */
export interface ChaosRequest {
  readonly prompt: string;
  /** 0: what has no chance in it. */
  readonly temperature: number;
  readonly seed: number;
  readonly tokensMax: number;
}

const endToken = 2;

/** An answer in the making. */
export interface Writing {
  /** Tokens so far, of the try that is on. */
  readonly count: number;
  readonly isOver: boolean;
}
export type LineAnswer = Writing & { readonly tokens: readonly number[] };
export type HttpAnswer = Writing & { readonly text: string };

/** Over the device's lines. */
class LineWriting implements Writing {
  tokens: number[] = [];
  #end: LineEvent | null = null;
  #id: number;

  constructor(id: number) {
    this.#id = id;
  }

  /** Asked again: what was heard of the try before is void. */
  again(id: number): void {
    this.#id = id;
    this.tokens = [];
  }

  hear(event: LineEvent): void {
    if (event.id !== this.#id) return;
    if (event.event === 'token') this.tokens.push(event.token!);
    // A device that was told to end says so of its answers.
    const isStopped = event.event === 'error' && event.code === 'cancelled';
    if ((event.event === 'end' || event.event === 'error') && !isStopped) this.#end = event;
  }

  get count(): number {
    return this.tokens.length;
  }

  get isOver(): boolean {
    assert(this.#end?.event !== 'error', `${this.#end?.code}: ${this.#end?.message}`);
    return this.#end !== null;
  }
}

/** Over HTTP, asked for again until it is whole. */
class HttpWriting implements Writing {
  count = 0;
  text = '';
  isOver = false;
}

const modelArgs = ['-t', '1', '-c', '128'];

export class ChaosSetup {
  readonly server: CliServer;
  readonly device: CliDevice;
  readonly gateway: CliGateway;
  readonly link: BreakingLink;
  readonly #ports: { readonly server: number; readonly gateway: number };
  #line: LineWriting | null = null;
  #asked: object = {};
  #id = 0;

  private constructor(
    link: BreakingLink,
    ports: { readonly server: number; readonly gateway: number },
    server: CliServer,
    mark: string,
  ) {
    this.link = link;
    this.#ports = ports;
    this.server = server;
    const address = `ws://127.0.0.1:${link.port}`;
    const drafting = ['-md', 'stories-draft', ...modelArgs];
    const hear = (event: LineEvent): void => this.#line?.hear(event);
    this.device = new CliDevice(address, drafting, hear, { mark });
    this.gateway = new CliGateway(ports.gateway, address, drafting, { mark });
  }

  /** @param mark of every process that is started: see `processesOf`. */
  static async open(mark: string, resumeSeconds: number): Promise<ChaosSetup> {
    const ports = { server: await freePort(), gateway: await freePort() };
    const lasting = ['--slots', '4', '--resume-seconds', `${resumeSeconds}`, '--deterministic'];
    const args = ['-m', 'stories-target', ...lasting, ...modelArgs];
    const server = new CliServer(ports.server, args, { mark });
    await server.start();
    const setup = new ChaosSetup(await breakingLink(ports.server), ports, server, mark);
    setup.device.start();
    setup.gateway.start();
    return setup;
  }

  /** Asks the device. */
  ask(request: ChaosRequest, scheme: Scheme, mode: Mode): LineAnswer {
    const { prompt, temperature, seed, tokensMax: maxTokens } = request;
    const logitBias = { [endToken]: '-inf' };
    this.#asked = { prompt, temperature, seed, maxTokens, logitBias, scheme, mode };
    this.#line = new LineWriting(++this.#id);
    this.device.ask({ id: this.#id, ...this.#asked });
    return this.#line;
  }

  /** After the device was ended: starts it, and asks for what it had not finished. */
  restartDevice(): void {
    this.device.start();
    if (this.#line === null || this.#line.isOver) return;
    this.#line.again(++this.#id);
    this.device.ask({ id: this.#id, ...this.#asked });
  }

  /**
   * Asks the gateway, again and again until an answer is whole; each try must begin as the text does.
   *
   * @param text what has to come.
   */
  askGateway(request: ChaosRequest, text: string): HttpAnswer {
    const writing = new HttpWriting();
    void this.#untilWhole(request, text, writing);
    return writing;
  }

  async #untilWhole(request: ChaosRequest, text: string, writing: HttpWriting): Promise<void> {
    const untilMs = performance.now() + 3 * answerMsMax;
    while (performance.now() < untilMs) {
      writing.count = 0;
      const got = await completion(optionsOf(request), {
        ...{ port: this.#ports.gateway, key: null, isStream: true, leavesAt: Infinity, model },
        onText: () => writing.count++,
      });
      writing.text = got.text;
      if (got.isWhole || !text.startsWith(got.text)) break;
      await sleep(50);
    }
    writing.isOver = true;
  }

  /** The target's own text, from the server itself. */
  async targetText(request: ChaosRequest): Promise<string> {
    const variant = {
      port: this.#ports.server,
      key: null,
      isStream: true,
      leavesAt: Infinity,
      model,
    };
    const { text, isWhole, status } = await completion(optionsOf(request), variant);
    assert(isWhole, `the server answers ${status} and no whole text`);
    return text;
  }

  async stats(): Promise<ServerStats['core']> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.server}/stats`);
    return ((await response.json()) as ServerStats).core;
  }

  /** Ends what still runs, whatever state it is in. */
  async close(): Promise<void> {
    await Promise.all([this.device.kill(), this.gateway.kill(), this.server.kill()]);
    await this.link.close();
  }
}

const model = 'llama-stories-target-9m';

const optionsOf = ({ prompt, temperature, seed, tokensMax }: ChaosRequest): GenerateOptions => ({
  ...{ prompt, tokensMax, seed: BigInt(seed) },
  sampling: { ...plainSampling, temperature, logitBias: new Map([[endToken, -Infinity]]) },
});
