// Measures what each scheme accepts, by the formulas of scheme-acceptance.suite.ts on both laws at
// every place of the target's own text. Coupled is also run, which checks the formula.

import { createKernel } from '../../src/engine/kernel/kernel.js';
import type { NativeModel } from '../../src/engine/llama/native-model.js';
import type { RowMath } from '../../src/engine/row-math.js';
import { ratioEstimate } from '../../src/math/estimate.js';
import { probOf } from '../../src/math/law.js';
import { noiseKey } from '../../src/math/noise.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import {
  agreementAcceptance,
  coupledAcceptance,
  ratioAcceptance,
} from '../../src/math/scheme-acceptance.suite.js';
import { openBare, vocabularyOf } from '../bare-model.js';
import { storyPrompt } from '../bundled-texts.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Measured } from '../report/text.js';
import { combinations } from './fixture.js';

const tokensMax = 64;
const noFilter = 'none';
const variants = combinations({
  topK: [noFilter, 40, 10] as const,
  temperature: [0.25, 0.5, 0.75, 1, 1.25],
});

/** Ways to draft and to accept, by the column of each. */
const rules = ['ratio', 'coupled', 'coupledPlayed', 'agreementBest', 'agreementDrawn'] as const;
/** Those of the plot, by their names there. */
const plotted = {
  'split, full': 'ratio',
  coupled: 'coupled',
  'agreement, likeliest drafted': 'agreementBest',
  'agreement, drawn': 'agreementDrawn',
} as const;

/** Acceptance summed over the places of one text. */
type Accepted = Record<(typeof rules)[number], number>;

interface Side {
  readonly model: NativeModel;
  readonly math: RowMath;
}

interface Pair {
  readonly target: Side;
  readonly draft: Side;
}

export const schemesExperiment: Experiment = { id: 'schemes', minutes: 2, run };

async function run(context: ExperimentContext): Promise<Measured> {
  const { models, isQuick, seed, note, signal } = context;
  const pair = { target: openSide(models.target()), draft: openSide(models.draft()) };
  const textCount = isQuick ? 4 : 16;
  const acceptance: ReturnType<typeof rowOf>[] = [];
  for (const variant of variants) {
    const texts: Accepted[] = [];
    for (let index = 0; index < textCount && !signal.aborted; index++) {
      texts.push(readText(pair, index, samplingOf(variant), BigInt(seed * 1_000 + index)));
      // Signals wait for the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (signal.aborted) break;
    acceptance.push(rowOf(variant, texts));
    note(`temperature ${variant.temperature}, top-k ${variant.topK}`);
  }
  for (const { model } of [pair.target, pair.draft]) model.close();
  const shares = acceptance.map(({ coupledOfRatio }) => coupledOfRatio.value);
  const [low, high] = [Math.min(...shares), Math.max(...shares)];
  return {
    values: {
      ...{ textCount, tokensMax },
      cost: { low: figure(100 * (1 - high)), high: figure(100 * (1 - low)) },
      share: { low: figure(low), high: figure(high) },
    },
    tables: {
      acceptance,
      'by-scheme': Object.entries(plotted).flatMap(([scheme, rule]) =>
        acceptance.map(({ temperature, topK, [rule]: one }) => ({
          ...{ scheme, temperature, acceptance: one },
          topK: topK === noFilter ? 'no filter' : `top-k ${topK}`,
        })),
      ),
    },
  };
}

function openSide(modelPath: string): Side {
  const model = openBare({ modelPath, contextLength: 512 });
  return { model, math: createKernel(model.vocabSize) };
}

const samplingOf = ({ temperature, topK }: (typeof variants)[number]): Sampling => ({
  ...plainSampling,
  temperature,
  ...(topK !== noFilter && { topK }),
});

/** Walks the target's own text, which is the same whatever drafts. */
function readText(pair: Pair, index: number, sampling: Sampling, seed: bigint): Accepted {
  const { target, draft } = pair;
  const key = noiseKey(seed, 'race');
  const accepted = { ratio: 0, coupled: 0, coupledPlayed: 0, agreementBest: 0, agreementDrawn: 0 };
  let tokens = storyPrompt(vocabularyOf(target.model), index);
  let from = 0;
  for (const { model } of [target, draft]) model.truncate(0, 0);
  for (let written = 0; written < tokensMax; written++) {
    for (const { model, math } of [target, draft]) {
      model.feed([{ slot: 0, from, tokens, rowCount: 1 }]);
      math.load(model.row(0), sampling, null, null);
    }
    from += tokens.length;
    const next = target.math.coupledToken(sampling, key, from);
    const [targetLaw, draftLaw] = [target.math.law(sampling), draft.math.law(sampling)];
    accepted.ratio += ratioAcceptance(targetLaw, draftLaw);
    accepted.coupled += coupledAcceptance(targetLaw, draftLaw);
    accepted.coupledPlayed += draft.math.coupledToken(sampling, key, from) === next ? 1 : 0;
    accepted.agreementBest += probOf(targetLaw, draft.math.argmax());
    accepted.agreementDrawn += agreementAcceptance(targetLaw, draftLaw);
    tokens = Int32Array.of(next);
  }
  return accepted;
}

function rowOf({ temperature, topK }: (typeof variants)[number], texts: readonly Accepted[]) {
  const of = (rule: keyof Accepted) =>
    ratioEstimate(texts.map((accepted) => ({ part: accepted[rule], whole: tokensMax })));
  return {
    ...{ temperature, topK, ratio: of('ratio'), coupled: of('coupled') },
    coupledPlayed: of('coupledPlayed'),
    agreementBest: of('agreementBest'),
    agreementDrawn: of('agreementDrawn'),
    coupledOfRatio: ratioEstimate(
      texts.map(({ coupled, ratio }) => ({ part: coupled, whole: ratio })),
    ),
  };
}
