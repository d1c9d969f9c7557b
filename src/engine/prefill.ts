// Fills a slot with a prompt of any length, in chunks of at most one pass, and judges nothing.

import type { SlotId } from '../base/brand.js';
import { PilotfishError } from '../base/error.js';
import type { Engine } from './engine.js';

/**
 * Feeds tokens to a slot in passes of at most `passTokensMax`, and judges none.
 *
 * @param slot opened before. @param from the slot's length. @param tokens [n] ids; not changed.
 * @throws PilotfishError like Engine.pass; chunks before the failing one stay in the cache.
 *
 * @example
 * ```ts
 * import { plainSampling } from 'pilotfish/math';
 * import { createScriptedEngine, prefill, slotId } from 'pilotfish/engine';
 *
 * const engine = createScriptedEngine();
 * const [slot, prompt] = [slotId(0), Int32Array.of(3, 1, 4, 1, 5)];
 * await engine.open(slot, { sampling: plainSampling, seed: 1n, promptLength: prompt.length });
 * await prefill(engine, slot, 0, prompt.subarray(0, 4));
 * const judge = { scheme: 'coupled', draftCount: 0 } as const;
 * const { outcomes } = await engine.pass([{ slot, from: 4, tokens: prompt.subarray(4), judge }]);
 * outcomes[0]!.final!.kind; // = 'bonus'
 * await engine.close();
 * ```
 */
export async function prefill(
  engine: Engine,
  slot: SlotId,
  from: number,
  tokens: Int32Array,
): Promise<void> {
  const { passTokensMax } = engine.info;
  for (let at = 0; at < tokens.length; at += passTokensMax) {
    const chunk = tokens.slice(at, at + passTokensMax);
    await engine.pass([{ slot, from: from + at, tokens: chunk, judge: null }]);
  }
}

/**
 * Refuses a prompt that cannot be answered.
 *
 * @param reserve tokens that must fit after the prompt, >= 1.
 * @throws PilotfishError `prompt-empty` or `prompt-too-long` with both numbers.
 */
export function checkPrompt(
  engine: { readonly info: Pick<Engine['info'], 'contextLength'> },
  prompt: Int32Array,
  reserve: number,
): void {
  if (prompt.length === 0) throw new PilotfishError('prompt-empty', 'the prompt has no tokens');
  const { contextLength } = engine.info;
  if (prompt.length + reserve > contextLength) {
    throw new PilotfishError(
      'prompt-too-long',
      `the prompt has ${prompt.length} tokens; with ${reserve} more it exceeds the context of ${contextLength}`,
    );
  }
}
