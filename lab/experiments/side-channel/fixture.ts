// One device and one server in virtual time with the bundled models behind both: answers to a few prompts, each sampled
// many times, the same texts under every setting; what is seen of their messages, what they cost, when their tokens came.

import { storyPrompts } from '../../../src/cli/demo/openings.js';
import { plainSampling } from '../../../src/math/sampling.js';
import type { Mode, TrafficShaping } from '../../../src/protocol/frame.js';
import { type LinkModel, type ServiceFigures, simulateService } from '../../../src/sim/index.js';
import type { VirtualModels } from '../virtual-models.js';
import type { Trace } from './attack.js';

export interface ChannelSetting {
  readonly mode: Mode;
  readonly shaping: TrafficShaping;
  readonly roundTripMs: number;
  readonly temperature: number;
}

/** One answer under one setting. */
export interface ChannelResult {
  readonly prompt: number;
  readonly figures: ServiceFigures;
}

export const pace = { draftMs: 8, passMs: 30, jitterMs: 4, noise: 0.05 } as const;
/** Of the layers below, for each message: WebSocket, TLS, TCP, IP. */
export const overheadBytes = 70;

const linkOf = (roundTripMs: number): LinkModel => ({
  latencyMs: roundTripMs / 2,
  jitterMs: pace.jitterMs,
  upBytesPerMs: 1e4,
  downBytesPerMs: 1e4,
  overheadBytes,
});

export class SideChannelFixture {
  readonly #models: VirtualModels;
  readonly #prompts: readonly Int32Array[];
  readonly #tokenCount: number;

  constructor(models: VirtualModels, promptCount: number, tokenCount: number) {
    const { vocabulary } = models;
    this.#models = models;
    this.#tokenCount = tokenCount;
    this.#prompts = storyPrompts
      .slice(0, promptCount)
      .map((text) => vocabulary.tokenize(text, { addBos: true, parseSpecial: false }));
  }

  /** Plays an answer. @param turn of all answers, prompts in turns: the same turn is the same prompt and text. */
  play({ mode, shaping, roundTripMs, temperature }: ChannelSetting, turn: number): ChannelResult {
    const { vocabulary } = this.#models;
    const bans = new Map([...vocabulary.endOfText].map((token) => [token, -Infinity]));
    const law = temperature === 0 ? { temperature } : { temperature, topK: 40 };
    const figures = simulateService(
      {
        deviceCount: 1,
        devices: [
          {
            name: 'device',
            share: 1,
            draftMs: pace.draftMs,
            divergence: 0,
            link: linkOf(roundTripMs),
          },
        ],
        scheme: temperature === 0 ? 'greedy' : 'coupled',
        mode,
        stopRule: { kind: 'adaptive', draftLengthMax: 8 },
        pass: { fixedMs: pace.passMs, tokenMs: 0, rowMs: 0, tokenContextMs: 0 },
        passNoise: pace.noise,
        slotCount: 1,
        staticBatch: null,
        promptTokens: Math.max(...this.#prompts.map(({ length }) => length)),
        answerTokens: this.#tokenCount,
        shaping,
        isTapped: true,
        real: {
          models: this.#models.with(null),
          prompts: this.#prompts,
          sampling: { ...plainSampling, ...law, logitBias: bans },
        },
      },
      turn,
    );
    return { prompt: turn % this.#prompts.length, figures };
  }
}

/** What follows the greeting and the prompt: those tell the prompt's length by theirs. */
export function traceOf({ prompt, figures: { seen } }: ChannelResult): Trace {
  const opened = seen.findIndex(
    (_, index) =>
      seen.slice(0, index + 1).filter(({ direction: variant }) => variant === 'down').length ===
      openingDowns,
  );
  return { prompt, seen: seen.slice(opened + 1) };
}

/** Welcome, Pong, Opened. */
const openingDowns = 3;

/** Milliseconds from asking to each token. */
export function arrivalsOf({ figures: { firstTokenMs, gapMs } }: ChannelResult): number[] {
  const arrivals = [firstTokenMs[0]!];
  for (const gap of gapMs) arrivals.push(arrivals.at(-1)! + gap);
  return arrivals;
}
