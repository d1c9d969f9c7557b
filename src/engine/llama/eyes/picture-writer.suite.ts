// Has an engine write texts about pictures greedily, for tests that compare them with mtmd's.

import assert from 'node:assert/strict';
import { slotId } from '../../../base/brand.js';
import { plainSampling } from '../../../math/sampling.js';
import type { SlotConfig } from '../../engine.js';
import { prefill } from '../../prefill.js';
import type { ImagePixels } from '../ffi/mtmd.js';
import type { LlamaEngine } from '../llama-engine.js';
import type { ImageEncoder } from './image-encoder.js';
import { mediaMarker, type PictureText } from './mtmd-texts.suite.js';

export const judge = { scheme: 'greedy', draftCount: 0 } as const;

export const greedyConfig = (promptLength: number): SlotConfig => ({
  sampling: { ...plainSampling, temperature: 0 },
  seed: 1n,
  promptLength,
});

export interface WriterOptions {
  readonly eyes: ImageEncoder;
  readonly tokensMax: number;
  /** Images attend to all of themselves, though the model was not made so. */
  readonly isNonCausal?: boolean;
}

/** Writes in slot 0 of the engine. */
export class PictureWriter {
  readonly engine: LlamaEngine;
  readonly #options: WriterOptions;

  constructor(engine: LlamaEngine, options: WriterOptions) {
    this.engine = engine;
    this.#options = options;
  }

  /** The ids that stand for a picture, words around the image among them. */
  async see(picture: ImagePixels): Promise<number[]> {
    const { eyes, isNonCausal = false } = this.#options;
    const ids: number[] = [];
    for (const piece of (await eyes.encode(picture)).pieces) {
      if (piece.kind === 'words') ids.push(...piece.ids);
      else ids.push(...(await this.engine.see(isNonCausal ? { ...piece, isNonCausal } : piece)));
    }
    return ids;
  }

  async promptOf({ text, pictures }: PictureText): Promise<Int32Array> {
    const { vocabulary } = this.engine.info;
    const ids: number[] = [];
    for (const [at, words] of text.split(mediaMarker).entries()) {
      if (at > 0) ids.push(...(await this.see(pictures[at - 1]!)));
      const options = { addBos: at === 0, parseSpecial: true };
      if (words !== '' || at === 0) ids.push(...vocabulary.tokenize(words, options));
    }
    return Int32Array.from(ids);
  }

  /** Goes on behind the first `from` tokens, which the slot holds, with the rest of the prompt. */
  async goOn(prompt: Int32Array, from: number, slot = slotId(0)): Promise<number[]> {
    const last = prompt.length - 1;
    await prefill(this.engine, slot, from, prompt.slice(from, last));
    const tokens: number[] = [];
    for (let at = last, token = prompt[last]!; tokens.length < this.#options.tokensMax; at++) {
      const segment = { slot, from: at, tokens: Int32Array.of(token), judge };
      const { outcomes } = await this.engine.pass([segment]);
      const { final } = outcomes[0]!;
      assert.ok(final !== null && final.kind !== 'law');
      token = final.token;
      tokens.push(token);
    }
    return tokens;
  }

  async write(prompt: Int32Array, slot = slotId(0)): Promise<number[]> {
    await this.engine.open(slot, greedyConfig(prompt.length));
    return this.goOn(prompt, 0, slot);
  }

  async writeText(text: PictureText): Promise<number[]> {
    return this.write(await this.promptOf(text));
  }

  /**
   * Writes behind the prompt after the slot was cut to its first `cut` tokens: rolled back, copied
   * away and back, restored, and saved in that state. A state that cannot be cut there is refused.
   */
  async rewrite(prompt: Int32Array, cut: number): Promise<number[][]> {
    const { engine } = this;
    const [slot, other] = [slotId(0), slotId(1)];
    const config = greedyConfig(prompt.length);
    await this.write(prompt);
    const whole = await engine.save(slot);
    await engine.truncate(slot, cut);
    const part = await engine.save(slot);
    const rolledBack = await this.goOn(prompt, cut);
    await engine.open(other, config);
    await engine.copyPrefix(slot, other, cut);
    await engine.open(slot, config);
    await engine.copyPrefix(other, slot, cut);
    const copied = await this.goOn(prompt, cut);
    const restored: number[][] = [];
    for (const length of [cut, prompt.length - 1]) {
      const work = engine.restore(slot, whole, config, length);
      const from = await work.then(() => length).catch(() => 0);
      restored.push(await this.goOn(prompt, from));
    }
    await engine.restore(slot, part, config);
    return [rolledBack, copied, ...restored, await this.goOn(prompt, cut)];
  }

  /** Writes behind all prompts in passes that they share, a slot for each. */
  async writeTogether(prompts: readonly Int32Array[], fedBefore: number): Promise<number[][]> {
    const { engine } = this;
    for (const [at, { length }] of prompts.entries()) {
      await engine.open(slotId(at), greedyConfig(length));
    }
    let next = [...prompts];
    await prefill(engine, slotId(fedBefore), 0, prompts[fedBefore]!.slice(0, -1));
    next[fedBefore] = prompts[fedBefore]!.slice(-1);
    const lengths = prompts.map(({ length }, at) => (at === fedBefore ? length - 1 : 0));
    const texts: number[][] = prompts.map(() => []);
    while (texts[0]!.length < this.#options.tokensMax) {
      const segments = next.map((tokens, at) => ({
        ...{ slot: slotId(at), from: lengths[at]!, tokens, judge },
      }));
      const { outcomes } = await engine.pass(segments);
      next = outcomes.map(({ final }, at) => {
        assert.ok(final !== null && final.kind !== 'law');
        lengths[at]! += segments[at]!.tokens.length;
        texts[at]!.push(final.token);
        return Int32Array.of(final.token);
      });
    }
    return texts;
  }
}
