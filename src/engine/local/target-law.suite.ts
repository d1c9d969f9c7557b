// Asks an engine for the target's own law, without drafts: the comparison for law tests on real
// models. The engine must be idle, with slot 0 free.

import { slotId } from '../../base/brand.js';
import { type Law, tokenAt } from '../../math/law.js';
import type { Sampling } from '../../math/sampling.js';
import type { Engine } from '../engine.js';
import { prefill } from '../prefill.js';

/**
 * The target's law after a prefix of at least one token, obtained by rejecting a draft that it
 * cannot accept.
 */
export async function targetLaw(
  target: Engine,
  prefix: readonly number[],
  sampling: Sampling,
): Promise<Law> {
  const slot = slotId(0);
  const impossible = 0;
  const logitBias = new Map([...sampling.logitBias, [impossible, -Infinity]]);
  await target.open(slot, { sampling: { ...sampling, logitBias }, seed: 0n, promptLength: 0 });
  await prefill(target, slot, 0, Int32Array.from(prefix.slice(0, -1)));
  const { outcomes } = await target.pass([
    {
      slot,
      from: prefix.length - 1,
      tokens: Int32Array.of(prefix.at(-1)!, impossible),
      judge: { scheme: 'split', draftCount: 1, draftProbs: Float64Array.of(1) },
    },
  ]);
  const { final } = outcomes[0]!;
  if (final?.kind !== 'law') throw new Error('the impossible draft was accepted');
  return final.law;
}

/**
 * Every continuation of `count` tokens with its probability under the target alone; asks for a law
 * per prefix.
 *
 * @returns keys are the ids, joined by blanks.
 */
export async function jointLaw(
  target: Engine,
  prompt: Int32Array,
  sampling: Sampling,
  count: number,
): Promise<Map<string, number>> {
  let texts = new Map<string, number>([['', 1]]);
  for (let depth = 0; depth < count; depth++) {
    const longer = new Map<string, number>();
    for (const [text, probability] of texts) {
      const tokens = text === '' ? [] : text.split(' ').map(Number);
      const law = await targetLaw(target, [...prompt, ...tokens], sampling);
      for (let index = 0; index < law.probs.length; index++) {
        const next = [...tokens, tokenAt(law, index)].join(' ');
        longer.set(next, probability * law.probs[index]!);
      }
    }
    texts = longer;
  }
  return texts;
}
