// Runs a `pilotfish device` process that gets many requests at once over its lines, for tests of
// answers.

import type { Statistics } from '../../device/index.js';
import { CliDevice, type LineEvent } from './cli-process.suite.js';

/** An answer that takes longer never ends. */
const answerMsMax = 60_000;

export interface LineAnswer {
  readonly tokens: readonly number[];
  readonly statistics: Statistics;
}

interface Open {
  readonly tokens: number[];
  readonly resolve: (answer: LineAnswer) => void;
  readonly reject: (reason: Error) => void;
}

export class LineDevice {
  /** The drafter, for messages. */
  readonly name: string;
  readonly #process: CliDevice;
  readonly #open = new Map<number, Open>();
  #id = 0;

  /** @param launcher as for CliDevice. */
  constructor(
    name: string,
    server: string,
    args: readonly string[],
    launcher: readonly string[] = [],
  ) {
    this.name = name;
    this.#process = new CliDevice(server, args, (event) => this.#hear(event), {
      launcher,
    });
    this.#process.start();
  }

  #hear({ id, event, token, statistics, code, message }: LineEvent): void {
    const answer = this.#open.get(id);
    if (answer === undefined) return;
    if (event === 'token') answer.tokens.push(token!);
    if (event === 'end') answer.resolve({ tokens: answer.tokens, statistics: statistics! });
    if (event === 'error') answer.reject(new Error(`${this.name}: ${code}: ${message}`));
  }

  /** @param request the fields of a line, without the id. */
  async ask(request: object): Promise<LineAnswer> {
    const id = ++this.#id;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<LineAnswer>((resolve, reject) => {
        const late = new Error(`${this.name}: no end in ${answerMsMax} ms`);
        timer = setTimeout(() => reject(late), answerMsMax);
        this.#open.set(id, { tokens: [], resolve, reject });
        this.#process.ask({ id, ...request });
      });
    } finally {
      clearTimeout(timer);
      this.#open.delete(id);
    }
  }

  /** Sends all requests, so many at a time. @returns the answers in the order of the requests. */
  async askAll(requests: readonly object[], atOnce: number): Promise<LineAnswer[]> {
    const answers: LineAnswer[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < requests.length; index = next++) {
        answers[index] = await this.ask(requests[index]!);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return answers;
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }
}
