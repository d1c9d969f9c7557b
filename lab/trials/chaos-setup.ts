// Runs a server, a device and a gateway as processes on a link that can be cut, and asks the last
// two for answers. What is struck is started again; what was lost is asked for again.

import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import {
  CliDevice,
  CliGateway,
  CliServer,
  freePort,
  type LineEvent,
} from '../../src/cli/processes/cli-process.suite.js';
import type { GenerateOptions } from '../../src/device/index.js';
import { plainSampling } from '../../src/math/sampling.js';
import type { Mode, Scheme } from '../../src/protocol/frame.js';
import type { ServerStats } from '../../src/server/index.js';
import { type Completed, completion } from '../http-client.js';
import { type BreakingLink, breakingLink } from './breaking-link.js';

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

/** An answer in the making. */
export interface Writing {
  /** Tokens so far, of the try that is on. */
  readonly count: number;
  readonly isOver: boolean;
}

/** Over the device's lines. */
class LineAnswer implements Writing {
  readonly #request: object;
  #id: number;
  tokens: number[] = [];
  #end: LineEvent | null = null;

  constructor(id: number, request: object) {
    this.#id = id;
    this.#request = request;
  }

  get line(): object {
    return { id: this.#id, ...this.#request };
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

type HttpAnswer = { count: number; isOver: boolean; text: string };

const endToken = 2;
const model = 'llama-stories-target-9m';
const modelArgs = ['-t', '1', '-c', '128'];

type Ports = { readonly server: number; readonly gateway: number };

export class ChaosSetup {
  readonly link: BreakingLink;
  readonly server: CliServer;
  readonly device: CliDevice;
  readonly gateway: CliGateway;
  readonly #ports: Ports;
  #answer: LineAnswer | null = null;
  #id = 0;

  private constructor(link: BreakingLink, server: CliServer, ports: Ports, mark: string) {
    this.link = link;
    this.server = server;
    this.#ports = ports;
    const address = `ws://127.0.0.1:${link.port}`;
    const drafting = ['-md', 'stories-draft', ...modelArgs];
    const hear = (event: LineEvent): void => this.#answer?.hear(event);
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
    const scene = new ChaosSetup(await breakingLink(ports.server), server, ports, mark);
    scene.device.start();
    scene.gateway.start();
    return scene;
  }

  /** Asks the device. */
  ask(request: ChaosRequest, scheme: Scheme, mode: Mode): LineAnswer {
    const { tokensMax: maxTokens, ...asked } = request;
    const logitBias = { [endToken]: '-inf' };
    this.#answer = new LineAnswer(++this.#id, { ...asked, maxTokens, logitBias, scheme, mode });
    this.device.ask(this.#answer.line);
    return this.#answer;
  }

  /** After the device was ended: starts it, and asks for what it had not finished. */
  restartDevice(): void {
    this.device.start();
    if (this.#answer === null || this.#answer.isOver) return;
    this.#answer.again(++this.#id);
    this.device.ask(this.#answer.line);
  }

  /** Asks until an answer is whole. @param text that has to come: each try begins so. */
  askGateway(request: ChaosRequest, text: string): HttpAnswer {
    const answer = { count: 0, text: '', isOver: false };
    void this.#untilWhole(request, text, answer);
    return answer;
  }

  async #untilWhole(request: ChaosRequest, text: string, answer: HttpAnswer): Promise<void> {
    const untilMs = performance.now() + 3 * answerMsMax;
    while (performance.now() < untilMs) {
      answer.count = 0;
      const got = await complete(this.#ports.gateway, request, () => answer.count++);
      answer.text = got.text;
      if (got.isWhole || !text.startsWith(got.text)) break;
      await sleep(50);
    }
    answer.isOver = true;
  }

  /** The target's own text, from the server itself. */
  async targetText(request: ChaosRequest): Promise<string> {
    const { text, isWhole, status } = await complete(this.#ports.server, request);
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

function complete(
  port: number,
  { prompt, temperature, seed, tokensMax }: ChaosRequest,
  onText = (): void => undefined,
): Promise<Completed> {
  const logitBias = new Map([[endToken, -Infinity]]);
  const sampling = { ...plainSampling, temperature, logitBias };
  const request: GenerateOptions = { prompt, tokensMax, seed: BigInt(seed), sampling };
  return completion(request, { port, key: null, isStream: true, model, onText });
}
