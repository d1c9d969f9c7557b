// What one abuser does to fifteen honest devices, in virtual time on the shipped cores: it keeps many sessions open in every
// mode, with long prompts and drafts that foretell nothing, opens more all the time and heeds no advice. Played with a key
// for each device, and where all are one key.

import { quantile } from '../../math/statistics.js';
import type { Mode } from '../../protocol/frame.js';
import { type Abuser, divergenceFor, type Service, type ServiceFigures } from '../../sim/index.js';
import { linkProfiles } from '../profiles/link-profiles.js';
import { serverProfiles } from '../profiles/server-profiles.js';
import { exact } from '../report/estimate.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Findings, Row } from '../report/result.js';
import { linkModelOf } from './virtual-service.js';

const honestCount = 15;
const answerTokens = 64;
/** The honest may be slower by this factor at the 95th percentile. */
const promised = 1.25;
const modes: readonly Mode[] = ['race', 'stop-and-wait', 'stream'];
const abuser: Abuser = {
  sessions: 32,
  modes: ['race', 'pipeline', 'stop-and-wait', 'stream'],
  promptTokens: 1_800,
  openEveryMs: 500,
  draftTokens: 16,
};
const cases = ['alone', 'abuser, a key each', 'abuser, one key for all'] as const;
type Case = (typeof cases)[number];

interface Played {
  readonly mode: Mode;
  readonly name: Case;
  readonly runs: readonly ServiceFigures[];
}

export const fairnessExperiment: Experiment = {
  id: 'fairness',
  title: 'One abuser among fifteen honest devices',
  question: 'How much slower do honest devices get through one that takes all it can get?',
  minutes: 3,
  run: async (context) => findingsOf(await playAll(context)),
};

async function playAll({ isQuick, seed, play, note }: ExperimentContext): Promise<Played[]> {
  const divergence = divergenceFor(0.7);
  const seeds = Array.from({ length: isQuick ? 1 : 2 }, (_, index) => seed * 1_000 + index);
  const playCase = async (mode: Mode, name: Case): Promise<Played> => {
    const service = serviceOf(mode, name, divergence);
    const runs = await Promise.all(seeds.map((one) => play(service, one)));
    note(`${mode}, ${name}`);
    return { mode, name, runs };
  };
  return Promise.all(modes.flatMap((mode) => cases.map((name) => playCase(mode, name))));
}

function serviceOf(mode: Mode, name: Case, divergence: number): Service {
  const link = linkModelOf(linkProfiles['5g']);
  return {
    deviceCount: honestCount,
    devices: [{ name: 'honest', share: 1, draftMs: 8, divergence, link }],
    scheme: 'coupled',
    mode,
    stopRule: { kind: 'adaptive', draftLengthMax: 16 },
    pass: serverProfiles.memory.pass,
    passNoise: 0.05,
    slotCount: honestCount + 1,
    staticBatch: null,
    promptTokens: answerTokens,
    answerTokens,
    // Room for the abuser's prompts; the same server in all cases.
    contextTokens: abuser.promptTokens + 100,
    hasKeys: name !== 'abuser, one key for all',
    ...(name !== 'alone' && { abuser }),
  };
}

/** 95th percentiles over the answers, or tokens, of all runs; null: not one answer came to its end. */
function figuresOf({ runs }: Played) {
  const p95 = (values: (run: ServiceFigures) => readonly number[]): number | null => {
    const all = runs.flatMap(values);
    return all.length === 0 ? null : quantile(all, 0.95);
  };
  return {
    answered: runs.reduce((sum, { tokenMs }) => sum + tokenMs.length, 0) / runs.length,
    tokenMs: p95(({ tokenMs }) => tokenMs),
    gapMs: p95(({ gapMs }) => gapMs),
    firstMs: p95(({ firstTokenMs }) => firstTokenMs),
  };
}

interface Line extends ReturnType<typeof figuresOf> {
  readonly mode: Mode;
  readonly name: Case;
  /** Of `tokenMs` to that of the same mode without the abuser. */
  readonly ratio: number | null;
}

function linesOf(played: readonly Played[]): Line[] {
  return played.map((one) => {
    const { mode, name } = one;
    const figures = figuresOf(one);
    const alone = figuresOf(played.find((other) => other.mode === mode && other.name === 'alone')!);
    const ratio =
      figures.tokenMs === null || alone.tokenMs === null ? null : figures.tokenMs / alone.tokenMs;
    return { mode, name, ...figures, ratio };
  });
}

function findingsOf(played: readonly Played[]): Findings {
  const lines = linesOf(played);
  const or = (value: number | null) => (value === null ? null : exact(value));
  const rows = lines.map(
    ({ mode, name, answered, tokenMs, ratio, gapMs, firstMs }): Row => ({
      keys: [mode, name],
      values: [exact(answered), or(tokenMs), or(ratio), or(gapMs), or(firstMs)],
    }),
  );
  return {
    claims: claimsOf(lines),
    setUp,
    tables: [
      {
        id: 'latency',
        title: `${honestCount} honest devices, 95th percentiles`,
        keys: [
          { name: 'mode', title: 'mode of the honest', unit: '' },
          { name: 'with', title: 'with', unit: '' },
        ],
        values: [
          { name: 'answered', title: 'answers in time', unit: '', origin: 'simulated' },
          { name: 'tokenMs', title: 'a token', unit: 'ms', origin: 'simulated' },
          { name: 'ratio', title: 'times alone', unit: '', origin: 'simulated' },
          { name: 'gapMs', title: 'between two tokens', unit: 'ms', origin: 'simulated' },
          { name: 'firstMs', title: 'first token', unit: 'ms', origin: 'simulated' },
        ],
        rows,
        isShown: true,
      },
    ],
    plots: [
      {
        id: 'latency',
        title: 'A token of an honest device (p95)',
        table: 'latency',
        spec: plotSpec,
      },
    ],
    papers: [],
    notes,
  };
}

function claimsOf(lines: readonly Line[]): Findings['claims'] {
  const keyed = lines.filter(({ name }) => name === 'abuser, a key each');
  const worst = Math.max(...keyed.map(({ ratio }) => ratio ?? Infinity));
  if (keyed.length < modes.length) return [];
  return [
    {
      id: 'share',
      text:
        `With a key for each device, one abuser slows the tokens of fifteen honest devices by a factor of at most ` +
        `${figure(worst)} at the 95th percentile, in every mode (promised: ${promised}).`,
    },
  ];
}

const setUp: Findings['setUp'] = [
  {
    part: 'honest',
    what: `${honestCount} devices, one answer of ${answerTokens} tokens each, all within half a second; drafts of 8 ms a token, acceptance 0.7`,
    isEmulated: true,
  },
  {
    part: 'abuser',
    what: `${abuser.sessions} endless sessions in all modes with prompts of ${abuser.promptTokens} tokens, drafts of ${abuser.draftTokens} that foretell nothing, another such session every ${abuser.openEveryMs} ms; it begins two seconds before the others`,
    isEmulated: true,
  },
  {
    part: 'server',
    what: `the shipped core with ${honestCount + 1} slots; 30 ms a pass and 0.07 for each row`,
    isEmulated: true,
  },
  { part: 'link', what: '5G: 20 ms round trip, up to 6 ms of jitter each way', isEmulated: true },
];

const notes = [
  'Answers that were not over within 12 seconds of virtual time are not counted, which flatters the last case: it is far worse than its figures.',
  'A pass that has begun is not broken off: with an abuser the target never rests, so that who waits for each verdict finds it at work more often.',
  'The simulated abuser is the shipped device with a draft model of chance that does not hear advice: it keeps the protocol. What breaks it ends the session at once.',
];

const plotSpec = {
  width: 420,
  height: 180,
  mark: { type: 'bar' },
  encoding: {
    x: { field: 'tokenMs', type: 'quantitative', title: 'p95, ms a token' },
    y: { field: 'with', sort: null, title: null },
    row: { field: 'mode', sort: null, title: null },
  },
};
