// Counts in real rounds how often a hint's surest candidate is the token that the pass commits, and
// whether it comes true as often as its confidence says.

import { withPass } from '../../src/cli/demo/paced-engine.js';
import type { Engine, ExitHint, Outcome } from '../../src/engine/engine.js';
import { type ExitChoice, loadLlamaEngine } from '../../src/engine/llama/index.js';
import { speculate } from '../../src/engine/local/speculate.js';
import { storyPrompt } from '../bundled-texts.js';
import { inTurn, type OnRow } from '../paired.js';
import { type BenchModels, exitLayers } from '../weights/bench-models.js';
import { type SchemeCase, schemeCases } from './cases.js';

const binCount = 10;
const tokensMax = 128;

/** Collects hints with their outcomes. */
class HintTally {
  readonly #right = { count: 0, first: 0, any: 0 };
  #hints = 0;
  readonly #confidence = new Float64Array(binCount);
  readonly #came = new Float64Array(binCount);

  add({ acceptedCount, candidates, confidences }: ExitHint, outcome: Outcome): void {
    const { final } = outcome;
    if (!final || final.kind === 'law') return;
    const confidence = confidences[0]!;
    const isCount = acceptedCount === outcome.acceptedCount;
    const isFirst = isCount && candidates[0] === final.token;
    const bin = Math.min(binCount - 1, Math.floor(confidence * binCount));
    this.#hints++;
    this.#right.count += Number(isCount);
    this.#right.first += Number(isFirst);
    this.#right.any += Number(isCount && candidates.includes(final.token));
    this.#confidence[bin]! += confidence;
    this.#came[bin]! += Number(isFirst);
  }

  result() {
    const share = (count: number): number => count / this.#hints;
    const gaps = this.#came.map((came, bin) => Math.abs(came - this.#confidence[bin]!));
    const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
    // Percent, but for the error and the count.
    return {
      /** Hints whose accepted count is right; whose first candidate is; any of them. */
      countRight: 100 * share(this.#right.count),
      firstRight: 100 * share(this.#right.first),
      anyRight: 100 * share(this.#right.any),
      /** Mean of the surest candidates; equal to `firstRight` for a calibrated exit. */
      confidence: 100 * share(sum(this.#confidence)),
      /** Mean distance of confidence from what came true, over weighted tenths. */
      calibrationError: share(sum(gaps)),
      hints: this.#hints,
    };
  }
}

/** With and without drafts, at each bundled head and at untrained exits of their layers. */
export async function benchHints(models: BenchModels, promptCount: number, onRow: OnRow) {
  const shape = { contextLength: 512, threads: 1, probe: false };
  const choices: [name: string, choice: ExitChoice][] = exitLayers.flatMap((layer) => [
    [`trained, ${layer} of 8`, { headPath: models.exit(layer) }],
    [`untrained, ${layer} of 8`, { layer }],
  ]);
  const draft = await loadLlamaEngine({ modelPath: models.draft(), ...shape });
  const rows = await inTurn(choices, async ([exit, choice]) => {
    const target = await loadLlamaEngine({ modelPath: models.target(), ...shape, exit: choice });
    const cases = schemeCases.flatMap((one) => [0, 4].map((drafted) => ({ ...one, drafted })));
    const benchCase = async ({ name, drafted, ...asked }: (typeof cases)[number]) => ({
      ...{ exit, scheme: name, drafted },
      ...(await tallyHints(target, draft, asked, drafted, promptCount)),
    });
    const some = await inTurn(cases, benchCase, onRow);
    await target.close();
    return some;
  });
  await draft.close();
  return rows.flat();
}

/** @param target with an exit. @param draftLength 0: one token a pass. */
async function tallyHints(
  target: Engine,
  draft: Engine,
  { scheme, sampling }: Omit<SchemeCase, 'name'>,
  draftLength: number,
  promptCount: number,
) {
  const tally = new HintTally();
  const watched = withPass(target, async (segments) => {
    const hints: ExitHint[] = [];
    const result = await target.pass(segments, (some) => hints.push(...some));
    for (const hint of hints)
      tally.add(hint, result.outcomes.find(({ slot }) => slot === hint.slot)!);
    return result;
  });
  for (let index = 0; index < promptCount; index++) {
    const prompt = storyPrompt(target.info.vocabulary, index);
    const asked = { prompt, tokensMax, scheme, sampling, seed: BigInt(index) };
    const request = { ...asked, draftLength, confidenceMin: 0 };
    for await (const _ of speculate(watched, draftLength === 0 ? null : draft, request));
  }
  return tally.result();
}
