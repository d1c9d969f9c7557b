// Measures llama.cpp's server and Pilotfish's in turns A B B A, and makes a row of every figure:
// medians, quartiles of the paired ratios, equal texts, the load of other processes.

import { PilotfishError } from '../../src/base/error.js';
import type { Estimate } from '../../src/math/estimate.js';
import { median, quantile } from '../../src/math/statistics.js';
import { runPairs } from '../paired.js';
import type { ExperimentContext } from '../report/experiment.js';
import { estimateText, figure, rowText } from '../report/figures.js';
import type { Measured } from '../report/text.js';
import type { PeerReading } from './measures.js';
import { type PeerCase, type PeerGroup, type PeerModel, peerCases } from './rows.js';
import {
  checkLlamaServer,
  foreignLoad,
  type PeerServer,
  type PeerWay,
  startPeer,
} from './servers.js';

export interface PeerOptions {
  readonly llamaServer: string;
  readonly rows: readonly PeerGroup[];
  readonly model: readonly PeerModel[];
  readonly pairs?: number;
}

/** A turn of both sides, and the mean load of other processes in it, in cores. */
export interface PeerPair {
  readonly theirs: PeerReading;
  readonly ours: PeerReading;
  readonly load: number;
}

type PeerRow = ReturnType<typeof peerRows>[number];

/** @throws PilotfishError `usage` where llama.cpp's server cannot be used. */
export async function measurePeer(
  { llamaServer, rows: groups, model, pairs }: PeerOptions,
  { models, seed, isQuick, note, signal }: ExperimentContext,
): Promise<Measured> {
  checkLlamaServer(llamaServer);
  const rows: PeerRow[] = [];
  for (const one of peerCases({ models, seed, isQuick }, groups, model)) {
    const read = await pairsOf(one, llamaServer, pairs ?? (isQuick ? 2 : 8), signal);
    const own = peerRows(one, read);
    for (const row of own) note(rowText(row));
    rows.push(...own);
  }
  return { values: valuesOf(rows), tables: { peer: rows } };
}

async function pairsOf(
  peerCase: PeerCase,
  llamaServer: string,
  turns: number,
  signal: ExperimentContext['signal'],
): Promise<PeerPair[]> {
  const { setUp, theirs, ours, isFresh, measure } = peerCase;
  const kept = new Map<PeerWay, PeerServer>();
  const read = async (way: PeerWay, turn: number): Promise<PeerReading & { load: number }> => {
    if (signal.aborted) throw new PilotfishError('cancelled', 'the comparison was stopped');
    const load = foreignLoad();
    const server = kept.get(way) ?? (await startPeer(llamaServer, way, setUp));
    kept.set(way, server);
    const reading = await measure(server, turn).catch((reason) => {
      throw server.failure() ?? reason;
    });
    if (isFresh) {
      kept.delete(way);
      await server.stop();
    }
    return { ...reading, load: load() };
  };
  try {
    const pairs = await runPairs({
      baseline: (turn) => read(theirs, turn),
      subject: (turn) => read(ours, turn),
      turns,
      warmUpTurns: peerCase.group === 'chats' ? 0 : 1,
    });
    return pairs.map(({ baseline, subject }) => ({
      ...{ theirs: baseline, ours: subject, load: (baseline.load + subject.load) / 2 },
    }));
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
    const [theirs, ours] = (['theirs', 'ours'] as const).map((side) =>
      pairs.map((pair) => pair[side].figures[what]!),
    ) as [number[], number[]];
    return {
      ...{ row: group, model, case: name, figure: what },
      ...{ theirs: median(theirs), ours: median(ours), ratio: ratioOf(theirs, ours) },
      ...{ pairs: pairs.length, load: median(pairs.map(({ load }) => load)), same },
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

/** For the claims; null where a row was not asked for. */
function valuesOf(rows: readonly PeerRow[]) {
  const ratio = (row: PeerGroup, model: PeerModel, name: string, what: string): string | null => {
    const found = rows.find(
      (one) => one.row === row && one.model === model && one.case === name && one.figure === what,
    );
    return found === undefined ? null : estimateText(found.ratio);
  };
  return {
    large: ratio('one', '210m-q8_0', '1 thread', 'tokens/s'),
    small: ratio('one', '9m-q8_0', '1 thread', 'tokens/s'),
    users: ratio('users', '210m-q8_0', '8 users', 'tokens/s in all'),
    gap: ratio('users', '210m-q8_0', '8 users', 'longest gap, ms'),
    chats: ratio('chats', '9m-q8_0', '4 on 4', 'of these reused'),
    race: ratio('speculation', '210m-q8_0', 'draft model, n = 3 | race', 'tokens/s'),
    load: figure(Math.max(...rows.map(({ load }) => load))),
  };
}
