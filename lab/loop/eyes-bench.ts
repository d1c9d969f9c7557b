// Times what a picture adds to a request of a server that has its frame already: until the first
// token, and for each token behind it. The other side is a text of as many tokens.

import { InvariantError } from '../../src/base/assert.js';
import type { Engine } from '../../src/engine/index.js';
import { ImageEncoder } from '../../src/engine/llama/eyes/image-encoder.js';
import { loadLlamaEngine } from '../../src/engine/llama/index.js';
import { medianEstimate } from '../../src/math/estimate.js';
import { plainSampling } from '../../src/math/sampling.js';
import { median } from '../../src/math/statistics.js';
import { png } from '../../src/pictures/png-writer.js';
import { type RunningServer, startServer } from '../../src/server/index.js';
import { type OnRow, runPairs } from '../paired.js';

/** The target that sees, and its encoder. */
export interface SeeingPaths {
  readonly modelPath: string;
  readonly encoderPath: string;
}

const tokensMax = 100;
const side = 96;
const question = 'How far is the blue ball?';
/** Words in the place of a picture. */
const filler = 'the ';

/** Two rows: the first token, and the tokens behind it. */
export async function benchEyes(
  { modelPath, encoderPath }: SeeingPaths,
  turns: number,
  onRow: OnRow,
) {
  const engine = await loadLlamaEngine({ modelPath, threads: 1, slotCount: 4 });
  const eyes = await ImageEncoder.start({ modelPath, encoderPath });
  const server = await startServer({ engine, eyes, port: 0 });
  try {
    const asker = new Asker(server, engine);
    const known = frameOf(0);
    // Encoded here, and never again.
    const { promptLength } = await asker.ask(known, question);
    const inPlace = await asker.fillerOf(promptLength);
    const pairs = await runPairs({
      ...{ turns, warmUpTurns: 2 },
      baseline: (turn) => asker.ask(null, start(turn) + inPlace + question),
      subject: (turn) => asker.ask(known, start(turn) + question),
    });
    const fresh: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      fresh.push((await asker.ask(frameOf(turn + 1), start(turn) + question)).firstMs);
    }
    const msOf = (name: 'baseline' | 'subject', time: 'firstMs' | 'tokenMs'): number =>
      median(pairs.map((pair) => pair[name][time]));
    const row = (what: string, time: 'firstMs' | 'tokenMs', aim: number, newMs: number | null) => ({
      what,
      ratio: medianEstimate(pairs.map(({ baseline, subject }) => subject[time] / baseline[time])),
      aim,
      ...{ textMs: msOf('baseline', time), pictureMs: msOf('subject', time), newMs },
    });
    const rows = [
      row('until the first token', 'firstMs', 1.1, median(fresh)),
      row('each token behind it', 'tokenMs', 1 / 0.95, null),
    ];
    for (const one of rows) onRow(one);
    return rows;
  } finally {
    await server.close();
    await eyes.close();
    await engine.close();
  }
}

/** So that no prefix of an earlier prompt is of use. The pictures stand behind it. */
const start = (turn: number): string => `${'abcdefgh'[turn & 7]}${'ijklmnop'[(turn >> 3) & 7]} `;

const frameOf = (seed: number): Uint8Array => {
  const rows = Uint8Array.from({ length: side * (3 * side + 1) }, (_, at) =>
    at % (3 * side + 1) === 0 ? 0 : (at * (seed + 3)) >> 4,
  );
  return new Uint8Array(png({ width: side, height: side, rows }));
};

interface Asked {
  readonly promptLength: number;
  readonly firstMs: number;
  /** Mean over the tokens behind the first. */
  readonly tokenMs: number;
}

class Asker {
  readonly #server: RunningServer;
  readonly #ban: ReadonlyMap<number, number>;

  constructor(server: RunningServer, { info }: Engine) {
    this.#server = server;
    this.#ban = new Map([...info.vocabulary.endOfText].map((token) => [token, -Infinity]));
  }

  /** What makes the question a prompt of so many tokens. */
  async fillerOf(promptLength: number): Promise<string> {
    for (let count = 1; count <= promptLength; count++) {
      const words = filler.repeat(count);
      if ((await this.ask(null, words + question)).promptLength === promptLength) return words;
    }
    throw new InvariantError(`no text of ${promptLength} tokens`);
  }

  /** @param frame before the question; null: there is none. */
  ask(frame: Uint8Array | null, content: string): Promise<Asked> {
    const at = content.length - question.length;
    const pictures = frame === null ? [] : [{ message: 0, at, bytes: frame }];
    const prompt = { kind: 'messages', messages: [{ role: 'user', content }] } as const;
    const sampling = { ...plainSampling, temperature: 0, logitBias: this.#ban };
    const terms = { sampling, seed: 1n, tokensMax, schema: null, topLogprobs: null };
    const startedMs = performance.now();
    return new Promise((resolve, reject) => {
      let [promptLength, firstMs, count] = [0, 0, 0];
      this.#server.plain.write({ prompt, pictures, ...terms }, null, {
        accepted: (length) => {
          promptLength = length;
        },
        started: () => undefined,
        tokens: (tokens) => {
          if (count === 0) firstMs = performance.now() - startedMs;
          count += tokens.length;
        },
        ended: () => {
          const tokenMs = (performance.now() - startedMs - firstMs) / (count - 1);
          resolve({ promptLength, firstMs, tokenMs });
        },
        failed: reject,
      });
    });
  }
}
