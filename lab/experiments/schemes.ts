// What each scheme accepts of one pair of models, over temperature and filter: both laws at every place of the target's
// own text, and the formulas of math/scheme-acceptance.ts on them. No round is played but for the coupled one, which is
// the check that formula and code mean the same.

import { storyPrompts } from '../../src/cli/demo/openings.js';
import { createKernel } from '../../src/engine/kernel/kernel.js';
import type { NativeModel } from '../../src/engine/llama/native-model.js';
import type { RowMath } from '../../src/engine/row-math.js';
import type { Estimate } from '../../src/math/estimate.js';
import { ratioEstimate } from '../../src/math/estimate.js';
import { probOf } from '../../src/math/law.js';
import { noiseKey } from '../../src/math/noise.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import {
  agreementAcceptance,
  coupledAcceptance,
  ratioAcceptance,
} from '../../src/math/scheme-acceptance.js';
import { tokenize } from '../engine/model-fidelity.js';
import { openBare } from '../engine/model-speed.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Findings, Row } from '../report/result.js';

const temperatures = [0.25, 0.5, 0.75, 1, 1.25];
/** 0: no filter. */
const topKs = [0, 40, 10];
const tokensMax = 64;

/** Ways to draft and to accept, in the order of the columns. */
const schemeVariants = [
  'ratio',
  'coupled',
  'coupledPlayed',
  'agreementBest',
  'agreementDrawn',
] as const;
type SchemeVariant = (typeof schemeVariants)[number];

/** Acceptance summed over the places of one text. */
interface TextSum {
  readonly positions: number;
  readonly accepted: Readonly<Record<SchemeVariant, number>>;
}

interface Pair {
  readonly target: NativeModel;
  readonly draft: NativeModel;
  readonly math: { readonly target: RowMath; readonly draft: RowMath };
}

export const schemesExperiment: Experiment = {
  id: 'schemes',
  title: 'What each scheme accepts',
  question:
    'How much acceptance does it cost to send token ids alone: coupled and agreement against the ratio test of split and full?',
  minutes: 2,
  run,
};

async function run(context: ExperimentContext): Promise<Findings> {
  const { models, isQuick, seed, note, signal } = context;
  const pair = openPair(models.target(), models.draft());
  const prompts = storyPrompts.slice(0, isQuick ? 4 : 16);
  const rows: Row[] = [];
  for (const topK of topKs) {
    for (const temperature of temperatures) {
      const sampling = samplingOf(temperature, topK);
      const texts: TextSum[] = [];
      for (const [index, prompt] of prompts.entries()) {
        if (signal.aborted) break;
        texts.push(readText(pair, prompt, sampling, BigInt(seed * 1_000 + index)));
        // Signals wait for the event loop.
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (signal.aborted) break;
      rows.push(rowOf(temperature, topK, texts));
      note(`temperature ${temperature}, top-k ${topK || 'none'}`);
    }
  }
  pair.target.close();
  pair.draft.close();
  return findingsOf(rows, prompts.length);
}

function openPair(targetPath: string, draftPath: string): Pair {
  const target = openBare(targetPath, 1);
  const draft = openBare(draftPath, 1);
  return {
    target,
    draft,
    math: { target: createKernel(target.vocabSize), draft: createKernel(draft.vocabSize) },
  };
}

const samplingOf = (temperature: number, topK: number): Sampling => ({
  ...plainSampling,
  temperature,
  ...(topK > 0 && { topK }),
});

/** Walks the target's own text, which is the same whatever drafts. */
function readText(pair: Pair, prompt: string, sampling: Sampling, seed: bigint): TextSum {
  const { target, draft, math } = pair;
  const key = noiseKey(seed, 'race');
  const accepted = { ratio: 0, coupled: 0, coupledPlayed: 0, agreementBest: 0, agreementDrawn: 0 };
  let tokens = tokenize(target, prompt);
  let from = 0;
  for (const model of [target, draft]) model.truncate(0, 0);
  for (let written = 0; written < tokensMax; written++) {
    for (const model of [target, draft]) model.feed([{ slot: 0, from, tokens, rowCount: 1 }]);
    math.target.load(target.row(0), sampling, null, null);
    math.draft.load(draft.row(0), sampling, null, null);
    from += tokens.length;
    const next = math.target.coupledToken(sampling, key, from);
    const [targetLaw, draftLaw] = [math.target.law(sampling), math.draft.law(sampling)];
    accepted.ratio += ratioAcceptance(targetLaw, draftLaw);
    accepted.coupled += coupledAcceptance(targetLaw, draftLaw);
    accepted.coupledPlayed += math.draft.coupledToken(sampling, key, from) === next ? 1 : 0;
    accepted.agreementBest += probOf(targetLaw, math.draft.argmax());
    accepted.agreementDrawn += agreementAcceptance(targetLaw, draftLaw);
    tokens = Int32Array.of(next);
  }
  return { positions: tokensMax, accepted };
}

function rowOf(temperature: number, topK: number, texts: readonly TextSum[]): Row {
  const of = (variant: SchemeVariant): Estimate =>
    ratioEstimate(
      texts.map(({ positions, accepted }) => ({ part: accepted[variant], whole: positions })),
    );
  const ofRatio = ratioEstimate(
    texts.map(({ accepted }) => ({ part: accepted.coupled, whole: accepted.ratio })),
  );
  return {
    keys: [temperature, topK === 0 ? 'none' : topK],
    values: [...schemeVariants.map(of), ofRatio],
  };
}

const keys = [
  { name: 'temperature', title: 'temperature', unit: '' },
  { name: 'topK', title: 'top-k', unit: '' },
];
const values = [
  { name: 'ratio', title: 'split, full', unit: '', origin: 'calculated' },
  { name: 'coupled', title: 'coupled', unit: '', origin: 'calculated' },
  { name: 'coupledPlayed', title: 'coupled, played', unit: '', origin: 'measured' },
  { name: 'agreementBest', title: 'agreement, likeliest drafted', unit: '', origin: 'calculated' },
  { name: 'agreementDrawn', title: 'agreement, drawn', unit: '', origin: 'calculated' },
  { name: 'coupledOfRatio', title: 'coupled / split', unit: '', origin: 'calculated' },
] as const;

function findingsOf(rows: readonly Row[], textCount: number): Findings {
  const share = (row: Row): Estimate => row.values.at(-1)!;
  const shares = rows.map((row) => share(row).value);
  const cost = (value: number): string => figure(100 * (1 - value));
  return {
    claims: [
      {
        id: 'coupled',
        text:
          `Sending ids alone under coupled costs ${cost(Math.max(...shares))} to ${cost(Math.min(...shares))} % of the ` +
          'acceptance that the ratio test of split and full reaches, which no scheme can beat.',
      },
    ],
    setUp: [
      { part: 'models', what: 'bundled target (Q8_0) and draft (F16)', isEmulated: false },
      {
        part: 'texts',
        what: `${textCount} prompts, ${tokensMax} tokens each, the target's own text at each setting`,
        isEmulated: false,
      },
    ],
    tables: [
      {
        id: 'acceptance',
        title: 'probability that a drafted token stands',
        keys,
        values,
        rows,
        isShown: true,
      },
      manyVariants(rows),
    ],
    plots: [
      {
        id: 'acceptance',
        title: 'Acceptance over temperature, by scheme and filter',
        table: 'by-scheme',
        spec: acceptanceSpec,
      },
    ],
    papers: [
      {
        paper: 'Daliri, Musco, Suresh 2024 (arXiv 2408.07978): coupled drafts',
        theirs: 'a match with probability at least (1 - TV) / (1 + TV), at most 1 - TV',
        ours: `between ${figure(Math.min(...shares))} and ${figure(Math.max(...shares))} of 1 - TV on this pair`,
        caveat: 'the bound holds for any two laws; ours are those of one small pair',
      },
    ],
    notes: [
      'Acceptance behind a prefix that the target has accepted; intervals by resampling texts.',
      'Calculated columns are exact expectations over the noise at each place; the played one is a single draw a place.',
    ],
  };
}

/** The same numbers with the scheme as a key: what a plot wants. */
function manyVariants(rows: readonly Row[]): Findings['tables'][number] {
  const drawn = values.filter(({ name }) => name !== 'coupledPlayed' && name !== 'coupledOfRatio');
  return {
    id: 'by-scheme',
    title: 'acceptance by scheme',
    keys: [{ name: 'scheme', title: 'scheme', unit: '' }, ...keys],
    values: [{ name: 'acceptance', title: 'acceptance', unit: '', origin: 'calculated' }],
    rows: drawn.flatMap(({ title, name }) =>
      rows.map((row) => ({
        keys: [title, row.keys[0]!, row.keys[1] === 'none' ? 'no filter' : `top-k ${row.keys[1]}`],
        values: [row.values[values.findIndex((column) => column.name === name)]!],
      })),
    ),
    isShown: false,
  };
}

const acceptanceSpec = {
  facet: { column: { field: 'topK', title: null, sort: null } },
  spec: {
    width: 190,
    height: 220,
    layer: [
      {
        mark: { type: 'errorband', opacity: 0.2 },
        encoding: {
          y: { field: 'acceptanceLow', title: 'acceptance' },
          y2: { field: 'acceptanceHigh' },
        },
      },
      { mark: { type: 'line', point: true }, encoding: { y: { field: 'acceptance' } } },
    ],
    encoding: {
      x: {
        field: 'temperature',
        type: 'quantitative',
        scale: { zero: false },
        axis: { values: temperatures, format: '.2~f' },
      },
      y: { type: 'quantitative', scale: { zero: false } },
      color: { field: 'scheme', sort: null, title: null },
    },
  },
};
