// What one abuser does to fifteen honest devices, in virtual time on the shipped cores: by many sessions, long prompts,
// drafts that foretell nothing, short rounds, opens, and all of it at once, deaf to advice. Played with a key for each device,
// and where all are one key.

import type { Estimate } from '../../src/math/estimate.js';
import { countEstimate, exact } from '../../src/math/estimate.js';
import { quantile } from '../../src/math/statistics.js';
import type { Mode } from '../../src/protocol/frame.js';
import {
  type Abuser,
  divergenceFor,
  type Service,
  type ServiceFigures,
} from '../../src/sim/index.js';
import { linkProfiles } from '../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../src/sim/profiles/server-profiles.js';
import { linkModelOf } from '../../src/sim/service/serve.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Findings, Row } from '../report/result.js';

const honestCount = 15;
const answerTokens = 64;
/** The honest may be slower by this factor at the 95th percentile. */
const promised = 1.25;
const modes: readonly Mode[] = ['race', 'stop-and-wait', 'stream'];
const every: readonly Mode[] = ['race', 'pipeline', 'stop-and-wait', 'stream'];
const longPrompt = 1_800;
const short = { promptTokens: 16, openEveryMs: 1_000 } as const;

/** What it takes all it can get of. */
const abuses = {
  everything: {
    sessions: 32,
    modes: every,
    promptTokens: longPrompt,
    openEveryMs: 500,
    draftTokens: 16,
  },
  sessions: { ...short, sessions: 60, modes: ['stream'], draftTokens: 1 },
  'long prompts': {
    sessions: 4,
    modes: ['stream'],
    promptTokens: longPrompt,
    openEveryMs: 50,
    draftTokens: 1,
  },
  'false drafts': { ...short, sessions: 4, modes: ['pipeline', 'race'], draftTokens: 16 },
  rounds: { ...short, sessions: 60, modes: ['stop-and-wait'], draftTokens: 1 },
  opens: { ...short, sessions: 1, modes: ['stream'], openEveryMs: 5, draftTokens: 1 },
} as const satisfies Record<string, Abuser>;
type Abuse = keyof typeof abuses;
const abuseNames = Object.keys(abuses) as Abuse[];

interface Case {
  readonly name: string;
  readonly abuser: Abuser | null;
  readonly hasKeys: boolean;
}

const alone: Case = { name: 'nobody', abuser: null, hasKeys: true };
const cases: readonly Case[] = [
  alone,
  ...abuseNames.map((name): Case => ({ name, abuser: abuses[name], hasKeys: true })),
  { name: 'everything, one key for all', abuser: abuses.everything, hasKeys: false },
];

interface FairnessResult {
  readonly mode: Mode;
  readonly of: Case;
  readonly runs: readonly ServiceFigures[];
}

export const fairnessExperiment: Experiment = {
  id: 'fairness',
  title: 'One abuser among fifteen honest devices',
  question: 'How much slower do honest devices get through one that takes all it can get?',
  minutes: 4,
  run: async (context) => findingsOf(await playAll(context)),
};

async function playAll({
  isQuick,
  seed,
  play,
  note,
}: ExperimentContext): Promise<FairnessResult[]> {
  const divergence = divergenceFor(0.7);
  const seeds = Array.from({ length: isQuick ? 1 : 5 }, (_, index) => seed * 1_000 + index);
  const playCase = async (mode: Mode, of: Case): Promise<FairnessResult> => {
    const service = serviceOf(mode, of, divergence);
    const runs = await Promise.all(seeds.map((one) => play(service, one)));
    note(`${mode}, ${of.name}`);
    return { mode, of, runs };
  };
  return Promise.all(modes.flatMap((mode) => cases.map((of) => playCase(mode, of))));
}

function serviceOf(mode: Mode, { abuser, hasKeys }: Case, divergence: number): Service {
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
    contextTokens: longPrompt + 100,
    hasKeys,
    ...(abuser && { abuser }),
  };
}

/** Of one run; null: not one answer came to its end. */
function p95(run: ServiceFigures, values: (run: ServiceFigures) => readonly number[]) {
  const all = values(run);
  return all.length === 0 ? null : quantile(all, 0.95);
}

/** Over seeds; null where it is of one of them. */
function overSeeds(values: readonly (number | null)[]): Estimate | null {
  const known = values.filter((one) => one !== null);
  return known.length < values.length ? null : countEstimate(known);
}

const tokenMsOf = ({ tokenMs }: ServiceFigures): readonly number[] => tokenMs;

/** 95th percentiles over the answers, or tokens, of a run; seeds are the samples. */
function figuresOf({ runs }: FairnessResult) {
  return {
    answered: countEstimate(runs.map(({ tokenMs }) => tokenMs.length)),
    tokenMs: overSeeds(runs.map((run) => p95(run, tokenMsOf))),
    gapMs: overSeeds(runs.map((run) => p95(run, ({ gapMs }) => gapMs))),
    firstMs: overSeeds(runs.map((run) => p95(run, ({ firstTokenMs }) => firstTokenMs))),
  };
}

interface Line extends ReturnType<typeof figuresOf> {
  readonly mode: Mode;
  readonly of: Case;
  /** Of `tokenMs` to that of the same mode without an abuser: over the seeds, and of the worst of them. */
  readonly ratio: Estimate | null;
  readonly worst: number | null;
}

function linesOf(result: readonly FairnessResult[]): Line[] {
  return result.map((one) => {
    const { mode, of, runs } = one;
    const before = result.find((other) => other.mode === mode && other.of === alone)!.runs;
    const bySeed = runs.map((run, index) => ratioOf(run, before[index]!));
    const worst = bySeed.some((ratio) => ratio === null) ? null : Math.max(...bySeed.map(Number));
    return { mode, of, ...figuresOf(one), ratio: overSeeds(bySeed), worst };
  });
}

function ratioOf(run: ServiceFigures, before: ServiceFigures): number | null {
  const [withAbuser, without] = [p95(run, tokenMsOf), p95(before, tokenMsOf)];
  return withAbuser === null || without === null ? null : withAbuser / without;
}

function findingsOf(result: readonly FairnessResult[]): Findings {
  const lines = linesOf(result);
  const rows = lines.map(
    ({ mode, of, answered, tokenMs, ratio, worst, gapMs, firstMs }): Row => ({
      keys: [mode, of.name],
      values: [answered, tokenMs, ratio, worst === null ? null : exact(worst), gapMs, firstMs],
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
          { name: 'with', title: 'abused by', unit: '' },
        ],
        values: [
          { name: 'answered', title: 'answers in time', unit: '', origin: 'simulated' },
          { name: 'tokenMs', title: 'a token', unit: 'ms', origin: 'simulated' },
          { name: 'ratio', title: 'times alone', unit: '', origin: 'simulated' },
          { name: 'worst', title: 'worst seed', unit: '', origin: 'simulated' },
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
        title: 'A token of an honest device (p95); no bar: no answer came to its end in time',
        table: 'latency',
        spec: plotSpec,
      },
    ],
    papers: [],
    notes,
  };
}

function claimsOf(lines: readonly Line[]): Findings['claims'] {
  const keyed = lines.filter(({ of }) => of.abuser !== null && of.hasKeys);
  const worst = Math.max(...keyed.map((line) => line.worst ?? Infinity));
  if (keyed.length < modes.length * abuseNames.length) return [];
  return [
    {
      id: 'share',
      text:
        `With a key for each device, one abuser slows the tokens of fifteen honest devices by a factor of at most ` +
        `${figure(worst)} at the 95th percentile, in every mode, by every kind of abuse and with every seed (promised: ${promised}).`,
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
    what:
      `everything: ${abuses.everything.sessions} endless sessions in all modes with prompts of ${longPrompt} tokens, drafts of ${abuses.everything.draftTokens} that foretell nothing, another such session every ${abuses.everything.openEveryMs} ms. ` +
      `Else one thing at a time: ${abuses.sessions.sessions} endless streams; a prompt of ${longPrompt} tokens every ${abuses['long prompts'].openEveryMs} ms; ${abuses['false drafts'].sessions} sessions in pipeline and race with drafts of ${abuses['false drafts'].draftTokens}; ${abuses.rounds.sessions} sessions of stop-and-wait that draft one token; a session every ${abuses.opens.openEveryMs} ms. ` +
      'It begins two seconds before the others',
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
  'Answers that were not over within 12 seconds of virtual time are not counted, which flatters the last case of each mode: it is far worse than its figures.',
  'The simulated abuser is the shipped device with a draft model of chance that does not hear advice: it keeps the protocol. What breaks it ends the session at once.',
];

const plotSpec = {
  facet: { row: { field: 'mode', title: null, sort: null } },
  spec: {
    width: 420,
    height: 80,
    mark: { type: 'bar' },
    encoding: {
      x: { field: 'tokenMs', type: 'quantitative', title: 'p95, ms a token' },
      y: { field: 'with', type: 'nominal', sort: null, title: null },
      color: { field: 'with', type: 'nominal', sort: null, legend: null },
    },
  },
};
