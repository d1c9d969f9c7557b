// Builds the common start of the engine contract tests: one engine, a prompt, and the calls that
// all of them make.

import assert from 'node:assert/strict';
import { type SlotId, slotId } from '../base/brand.js';
import { type ErrorCode, PilotfishError } from '../base/error.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import type { DraftRequest, Engine, Judge, Segment, SlotConfig } from './engine.js';
import { prefill } from './prefill.js';

/** Needs at least 3 slots of 128 tokens, passes of 16 to 64 tokens. */
export type MakeEngine = () => Promise<Engine>;

export const [first, second, third] = [slotId(0), slotId(1), slotId(2)];

export const configOf = (
  changes: Partial<Sampling> = {},
  seed = 7n,
  promptLength = 0,
): SlotConfig => ({
  sampling: { ...plainSampling, ...changes },
  seed,
  promptLength,
});

export const judged = (scheme: 'greedy' | 'coupled' | 'agreement', draftCount = 0): Judge => ({
  scheme,
  draftCount,
});

export class EngineFixture {
  readonly make: MakeEngine;
  engine!: Engine;
  prompt!: Int32Array;

  constructor(make: MakeEngine) {
    this.make = make;
  }

  async start(): Promise<void> {
    this.engine = await this.make();
    this.prompt = this.engine.info.vocabulary.tokenize('a trial in a stone land', {
      addBos: true,
      parseSpecial: false,
    });
  }

  readonly open = (slot: SlotId = first, config = configOf()): Promise<void> =>
    this.engine.open(slot, config);

  /** The token that the engine returns for a segment. */
  readonly step = async (segment: Segment): Promise<number> => {
    const { outcomes } = await this.engine.pass([segment]);
    const { final } = outcomes[0]!;
    assert.ok(final && final.kind !== 'law');
    return final.token;
  };

  /** Prompt and `count` tokens of target-only text, one pass a token. */
  readonly write = async (
    slot: SlotId = first,
    count = 12,
    scheme: 'greedy' | 'coupled' = 'coupled',
  ): Promise<number[]> => {
    await prefill(this.engine, slot, 0, this.prompt.subarray(0, -1));
    const text = [...this.prompt];
    for (let index = 0; index < count; index++) {
      const from = text.length - 1;
      const tokens = Int32Array.of(text[from]!);
      text.push(await this.step({ slot, from, tokens, judge: judged(scheme) }));
    }
    return text;
  };

  readonly draftRequest = (changes: Partial<DraftRequest>): DraftRequest => ({
    slot: first,
    from: 0,
    tokens: this.prompt,
    countMax: 4,
    stop: { confidenceMin: 0 },
    scheme: 'coupled',
    attempt: 0,
    wantConfidence: false,
    ...changes,
  });
}

export async function refuses(code: ErrorCode, pattern: RegExp, work: () => Promise<unknown>) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof PilotfishError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  });
}
