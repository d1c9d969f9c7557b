// Plays a device in a test for the schemes that test by ratio: drafts from a scripted model of its
// own, sends probabilities or laws, draws residual tokens from what verdicts bring. One answer at a
// time, in step with the engine.

import assert from 'node:assert/strict';
import { referenceRowMath } from '../../engine/row-math.js';
import { scriptedDefaults } from '../../engine/scripted-engine.js';
import { ScriptedModel } from '../../engine/scripted-model.js';
import { keyedChance } from '../../math/chance.js';
import { type CutLaw, residualFromCut, residualFromWhole } from '../../math/cut-law.js';
import { drawToken } from '../../math/draw-token.js';
import { type Law, probOf } from '../../math/law.js';
import { noiseKey } from '../../math/noise.js';
import type { Sampling } from '../../math/sampling.js';
import { residualToken } from '../../math/split.js';
import type { Draft, Open, SentLaw, ServerFrame, Verdict } from '../../protocol/frame.js';
import type { Harness } from './core-harness.suite.js';

/** Laws of a scripted model after any prefix. */
export class Laws {
  readonly #model: ScriptedModel;
  readonly #vocabSize: number;
  readonly #sampling: Sampling;
  readonly #known = new Map<string, Law>();

  constructor(vocabSize: number, divergence: number, sampling: Sampling, sharpness: number) {
    this.#vocabSize = vocabSize;
    this.#sampling = sampling;
    this.#model = new ScriptedModel({
      ...scriptedDefaults,
      vocabSize,
      divergence,
      sharpness,
      slotCount: 1,
    });
  }

  after(prefix: readonly number[]): Law {
    const name = prefix.join();
    let law = this.#known.get(name);
    if (!law) {
      law = this.#compute(prefix);
      this.#known.set(name, law);
    }
    return law;
  }

  #compute(prefix: readonly number[]): Law {
    this.#model.truncate(0, 0);
    this.#model.feed([{ slot: 0, from: 0, tokens: Int32Array.from(prefix), rowCount: 1 }]);
    const math = referenceRowMath(this.#vocabSize);
    math.load(this.#model.row(0), this.#sampling, null, null);
    return math.law(this.#sampling);
  }
}

/**
 * How a device sends a chain: lengths of its frames; whether the engine runs between two of them.
 */
export interface Rhythm {
  readonly frames: readonly number[];
  readonly runsBetween: boolean;
}

/** Writes one answer over a fresh session of connection 1. @returns the answer's tokens. */
export function writeAnswer(harness: Harness, open: Open, laws: Laws, rhythm: Rhythm): number[] {
  const device = new RatioDevice(harness, open, laws, rhythm);
  return device.write();
}

class RatioDevice {
  readonly #harness: Harness;
  readonly #open: Open;
  readonly #laws: Laws;
  readonly #rhythm: Rhythm;
  readonly #committed: number[];
  readonly #promptLength: number;
  #chain: { token: number; law: Law }[] = [];
  #epoch = 0;
  #residual: number | null = null;
  #isOver = false;

  constructor(harness: Harness, open: Open, laws: Laws, rhythm: Rhythm) {
    assert.ok(open.prompt.kind === 'ids');
    this.#harness = harness;
    this.#open = open;
    this.#laws = laws;
    this.#rhythm = rhythm;
    this.#committed = [...open.prompt.ids];
    this.#promptLength = this.#committed.length;
  }

  write(): number[] {
    this.#harness.send(1, this.#open);
    for (let round = 0; !this.#isOver; round++) {
      assert.ok(round < 100, 'no end');
      this.#round();
    }
    this.#harness.send(1, { kind: 'close', session: this.#open.session });
    return this.#committed.slice(this.#promptLength);
  }

  #round(): void {
    const { frames, runsBetween } = this.#rhythm;
    for (const [index, count] of frames.entries()) {
      if (this.#isOver) return;
      const epoch = this.#epoch;
      this.#sendDraft(count, index < frames.length - 1);
      if (runsBetween) this.#hear();
      // The chain has fallen: a new one begins in the next round.
      if (this.#epoch !== epoch) return;
    }
    this.#hear();
  }

  #sendDraft(count: number, more: boolean): void {
    const { scheme, seed, session } = this.#open;
    const from = this.#committed.length + this.#chain.length;
    const drafted = Array.from({ length: count }, (_, index) => {
      const prefix = [...this.#committed, ...this.#chain.map(({ token }) => token)];
      const law = this.#laws.after(prefix);
      const key = noiseKey(seed, 'draft');
      const token = drawToken(law, keyedChance(key, key, from + index));
      this.#chain.push({ token, law });
      return { token, law };
    });
    const frame: Draft = {
      kind: 'draft',
      session,
      epoch: this.#epoch,
      from,
      ids: Int32Array.from(drafted, ({ token }) => token),
      probs:
        scheme === 'split' && count > 0
          ? Float64Array.from(drafted, ({ token, law }) => probOf(law, token))
          : null,
      laws: scheme === 'full' && count > 0 ? drafted.map(({ law }) => law) : null,
      residual: this.#residual,
      more,
      chances: null,
    };
    this.#residual = null;
    // Twice: resending changes nothing.
    this.#harness.send(1, frame);
    this.#harness.send(1, frame);
  }

  #hear(): void {
    this.#harness.settle();
    for (const frame of this.#harness.take(1)) this.#receive(frame);
  }

  #receive(frame: ServerFrame): void {
    assert.notEqual(frame.kind, 'failure', JSON.stringify(frame));
    if (frame.kind === 'verdict') this.#verdict(frame);
  }

  #verdict({ from, tokens, end, law, epoch, rejectedCount }: Verdict): void {
    const before = this.#committed.length;
    assert.ok(from === before || epoch === this.#epoch);
    const own = this.#chain.slice(0, from - before).map(({ token }) => token);
    assert.equal(own.length, from - before);
    const fresh = [...own, ...tokens];
    const hasFallen =
      rejectedCount > 0 ||
      fresh.some((token, index) => this.#chain[index] && this.#chain[index].token !== token);
    this.#committed.push(...fresh);
    const rest = this.#chain.splice(0, fresh.length);
    this.#isOver = end !== null;
    const rejected = this.#chain[0] ?? rest[fresh.length];
    if (hasFallen || law) {
      this.#chain = [];
      this.#epoch++;
    }
    if (law) this.#draw(law, rejected!.law);
  }

  #draw(sent: SentLaw, draftLaw: Law): void {
    const position = this.#committed.length;
    const key = noiseKey(this.#open.seed, 'residual');
    const chance = keyedChance(key, key, position);
    const token =
      sent.kind === 'whole'
        ? residualToken(sent.law, draftLaw, chance)
        : this.#drawCut(sent.cut, draftLaw, chance);
    this.#committed.push(token);
    this.#residual = token;
    // An answer may end with the residual token: the server has to hear of it even then.
  }

  #drawCut(cut: CutLaw, draftLaw: Law, chance: ReturnType<typeof keyedChance>): number {
    const drawn = residualFromCut(cut, draftLaw, chance);
    if (drawn.kind === 'token') return drawn.token;
    const position = this.#committed.length;
    this.#harness.send(1, { kind: 'tail-request', session: this.#open.session, position });
    const tail = this.#harness.take(1).find((frame) => frame.kind === 'tail');
    assert.ok(tail, 'no tail');
    return residualFromWhole(cut, tail.law, draftLaw, chance);
  }
}
