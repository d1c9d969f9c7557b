// Measures llama.cpp's server and Pilotfish's in turns A B B A, and makes a row of every figure:
// medians, quartiles of the paired ratios, equal texts, the load of other processes.

import { PilotfishError } from '../../src/base/error.js';
import type { Estimate } from '../../src/math/estimate.js';
import { mean, median, quantile } from '../../src/math/statistics.js';
import { runPairs } from '../paired.js';
import type { ExperimentContext } from '../report/experiment.js';
import { estimateText, figure, rowText } from '../report/figures.js';
import type { Measured } from '../report/text.js';
import type { BenchModels } from '../weights/bench-models.js';
import { type PeerCase, type PeerGroup, type PeerModel, peerCases } from './rows.js';
import { checkLlamaServer, foreignLoad, PeerServer } from './servers.js';
import { type PeerAnswer, work } from './work.js';

export interface PeerOptions {
  readonly llamaServer: string;
  readonly rows: readonly PeerGroup[];
  readonly model: readonly PeerModel[];
  readonly pairs?: number;
}

/** A turn of one side. */
interface PeerReading {
  readonly figures: Readonly<Record<string, number>>;
  readonly answers: readonly Pick<PeerAnswer, 'text'>[];
  /** Mean load of other processes, in cores. */
  readonly load: number;
}

/** A turn of both. */
export type PeerPair = Readonly<Record<'theirs' | 'ours', PeerReading>>;

type PeerRow = ReturnType<typeof peerRows>[number];

/** @throws PilotfishError `usage` where llama.cpp's server cannot be used. */
export async function measurePeer(
  { llamaServer, rows: groups, model, pairs }: PeerOptions,
  context: ExperimentContext,
): Promise<Measured> {
  checkLlamaServer(llamaServer);
  const rows: PeerRow[] = [];
  for (const one of peerCases(groups, model)) {
    const read = await pairsOf(one, llamaServer, pairs ?? (context.isQuick ? 2 : 8), context);
    const own = peerRows(one, read);
    for (const row of own) context.note(rowText(row));
    rows.push(...own);
  }
  return { values: valuesOf(rows), tables: { peer: rows } };
}

/** Made on first use. */
const modelPaths: Readonly<Record<PeerModel, (models: BenchModels) => string>> = {
  '9m-q8_0': (models) => models.longTarget('q8_0'),
  '9m-f16': (models) => models.longTarget('f16'),
  '210m-q8_0': (models) => models.longInflatedTarget(),
};

async function pairsOf(
  peerCase: PeerCase,
  llamaServer: string,
  turns: number,
  { models, seed, isQuick, signal }: ExperimentContext,
): Promise<PeerPair[]> {
  const { group, isFresh, figures } = peerCase;
  const files = { llamaServer, modelPath: modelPaths[peerCase.model](models) };
  const kept = new Map<keyof PeerPair, PeerServer>();
  const read = async (side: keyof PeerPair, turn: number): Promise<PeerReading> => {
    if (signal.aborted) throw new PilotfishError('cancelled', 'the comparison was stopped');
    const load = foreignLoad();
    const start = () => PeerServer.start(peerCase[side], { ...peerCase, ...files });
    const server = kept.get(side) ?? (await start());
    kept.set(side, server);
    const done = await work(server, peerCase.asks({ seed, turn, isQuick })).catch((reason) => {
      server.check();
      throw reason;
    });
    const values = Object.entries(figures).map(([name, of]) => [name, of(done)] as const);
    if (isFresh) {
      kept.delete(side);
      await server.stop();
    }
    return { figures: Object.fromEntries(values), answers: done.answers, load: load() };
  };
  try {
    const pairs = await runPairs({
      baseline: (turn) => read('theirs', turn),
      subject: (turn) => read('ours', turn),
      turns,
      warmUpTurns: group === 'chats' ? 0 : 1,
    });
    return pairs.map(({ baseline, subject }) => ({ theirs: baseline, ours: subject }));
  } finally {
    for (const server of kept.values()) await server.stop();
  }
}

/** A row for each figure of a case. @param pairs [n >= 1] */
export function peerRows(
  { group, model, name }: Pick<PeerCase, 'group' | 'model' | 'name'>,
  pairs: readonly PeerPair[],
) {
  const same = sameShare(pairs);
  return Object.keys(pairs[0]!.theirs.figures).map((what) => {
    const theirs = pairs.map((pair) => pair.theirs.figures[what]!);
    const ours = pairs.map((pair) => pair.ours.figures[what]!);
    return {
      ...{ row: group, model, case: name, figure: what },
      ...{ theirs: median(theirs), ours: median(ours), ratio: ratioOf(theirs, ours) },
      ...{ pairs: pairs.length, load: median(pairs.map(loadOf)), same },
    };
  });
}

/** Median and quartiles of ours / theirs over the pairs; null where theirs is 0. */
function ratioOf(theirs: readonly number[], ours: readonly number[]): Estimate | null {
  if (theirs.includes(0)) return null;
  const ratios = ours.map((own, index) => own / theirs[index]!);
  return { value: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

/** Percent of the texts that both sides wrote alike. */
function sameShare(pairs: readonly PeerPair[]): number {
  const equal = pairs.flatMap(({ theirs, ours }) =>
    theirs.answers.map(({ text }, at): number => (text === ours.answers[at]!.text ? 1 : 0)),
  );
  return (100 * equal.reduce((all, one) => all + one, 0)) / equal.length;
}

const loadOf = ({ theirs, ours }: PeerPair): number => mean([theirs.load, ours.load]);

/** Row, model, case and figure of each claim. */
const claims = {
  large: ['one', '210m-q8_0', '1 thread', 'tokens/s'],
  small: ['one', '9m-q8_0', '1 thread', 'tokens/s'],
  users: ['users', '210m-q8_0', '8 users', 'tokens/s while all ask'],
  gap: ['users', '210m-q8_0', '8 users', 'longest gap, ms'],
  chats: ['chats', '9m-q8_0', '4 on 4', 'of these reused'],
  race: ['speculation', '210m-q8_0', 'draft model, n = 3 | race', 'tokens/s'],
} as const;

/** Ratios; null where a row was not asked for. */
function valuesOf(rows: readonly PeerRow[]) {
  const ratios = Object.entries(claims).map(([name, key]) => {
    const found = rows.find((one) => `${[one.row, one.model, one.case, one.figure]}` === `${key}`);
    return [name, found ? estimateText(found.ratio) : null] as const;
  });
  const load = figure(Math.max(...rows.map((row) => row.load)));
  return { ...Object.fromEntries(ratios), load };
}
