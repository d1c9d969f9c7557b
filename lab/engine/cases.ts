// Lists what the engine benchmarks ask: shapes of verification passes, and schemes with their laws.
// Loads engines whose slots hold a prompt.

import { slotId } from '../../src/base/brand.js';
import {
  type LlamaEngine,
  type LlamaOptions,
  loadLlamaEngine,
} from '../../src/engine/llama/index.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import { bundledTextLaw, fillerText } from '../bundled-texts.js';

export interface Shape {
  readonly name: string;
  /** Tokens of each segment: one committed token and the drafts behind it. */
  readonly lengths: readonly number[];
}

const uniform = (sequences: number, tokens: number): Shape => ({
  name: `${sequences} x ${tokens}`,
  lengths: Array.from({ length: sequences }, () => tokens),
});

export const passShapes: readonly Shape[] = [
  uniform(1, 1),
  uniform(1, 5),
  uniform(4, 5),
  uniform(16, 5),
  { name: 'mixed', lengths: [1, 5, 2, 9, 3, 5, 1, 7] },
];

export interface SchemeCase {
  readonly name: string;
  readonly scheme: 'greedy' | 'coupled';
  readonly sampling: Sampling;
}

export const schemeCase = (
  name: string,
  scheme: SchemeCase['scheme'],
  law: Partial<Sampling>,
): SchemeCase => ({ name, scheme, sampling: { ...plainSampling, ...law } });

/** As texts are usually written. */
export const schemeCases: readonly SchemeCase[] = [
  schemeCase('greedy', 'greedy', { temperature: 0 }),
  schemeCase('coupled, temperature 0.8, top-k 40', 'coupled', bundledTextLaw),
];

/** An engine on one thread with text that does not matter in every slot. */
export async function loadPrompted(
  options: LlamaOptions & { readonly slotCount: number },
  promptLength: number,
  samplingOf: (vocabulary: Vocabulary) => Sampling,
): Promise<LlamaEngine> {
  const engine = await loadLlamaEngine({ ...options, threads: 1, probe: false });
  const sampling = samplingOf(engine.info.vocabulary);
  for (let slot = 0; slot < options.slotCount; slot++) {
    await engine.open(slotId(slot), { sampling, seed: BigInt(slot), promptLength });
    const tokens = fillerText(slot, 0, promptLength);
    await engine.pass([{ slot: slotId(slot), from: 0, tokens, judge: null }]);
  }
  return engine;
}
