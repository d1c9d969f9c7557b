// DSSD's question on this system: what does it take to move drafts up and verdicts down, and what is left of the gain,
// over bandwidth, round trip, draft length and size of the vocabulary? arXiv 2507.12000.

import { exact, scaled } from '../../src/math/estimate.js';
import { deviceProfiles } from '../../src/sim/profiles/device-profiles.js';
import { evenLink, wireBytesOf } from '../../src/sim/profiles/link-profiles.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import type { Row } from '../report/result.js';
import { dssdFindings } from './dssd/findings.js';
import { checkLoop } from './dssd/link.js';
import {
  type DssdVariant,
  dssdVariants,
  openPairs,
  type Pair,
  playTexts,
  type RoundsText,
} from './dssd/rounds.js';
import {
  acceptanceOf,
  baselines,
  communicationMs,
  type DssdTimes,
  onTheServer,
  perRound,
  perToken,
  tokensPerSecond,
} from './dssd/time.js';

export const dssdGrid = {
  mbps: [1, 5, 10, 50, 100],
  roundTripsMs: [0, 20, 50],
  draftLengths: [2, 4, 6, 8],
  /** 0: no filter. */
  topKs: [0, 40],
  /** Where only one thing is changed. */
  usual: { mbps: 10, roundTripMs: 20, draftLength: 4 },
} as const;

/** A device and a target: both imitated. */
export const dssdPace: DssdTimes = { draftMs: deviceProfiles['orin-nano'].tokenMs, passMs: 30 };

/** Texts of one way of sending, at one draft length. */
export interface DssdResult {
  readonly pair: string;
  readonly topK: number;
  readonly way: DssdVariant;
  readonly draftLength: number;
  readonly texts: readonly RoundsText[];
}

export const dssdExperiment: Experiment = {
  id: 'dssd',
  title: 'What goes over the wire',
  question:
    'How many bytes and how much time does each scheme take on the link, and how fast is the text, over bandwidth, round trip, draft length and vocabulary?',
  minutes: 4,
  run: async (context) => {
    const result = await playAll(context);
    const { models, isQuick, note, signal } = context;
    const checks = signal.aborted
      ? []
      : await checkLoop(models, dssdPace.passMs, isQuick ? 3 : 5, note);
    return dssdFindings(tablesOf(result), checks);
  },
};

/** The bundled pair computes on threads of its own, while the scripted ones take this one. */
async function playAll(context: ExperimentContext): Promise<DssdResult[]> {
  const pairs = await openPairs(context.models);
  const result = await Promise.all(pairs.map((pair) => playPair(pair, context)));
  for (const { target, draft } of pairs) await Promise.all([target.close(), draft.close()]);
  return result.flat();
}

async function playPair(
  pair: Pair,
  { isQuick, seed, note, signal }: ExperimentContext,
): Promise<DssdResult[]> {
  const result: DssdResult[] = [];
  const size = sizeOf(pair, isQuick);
  for (const { way: variant, topK } of variantsOf()) {
    for (const draftLength of isQuick ? [4] : dssdGrid.draftLengths) {
      if (signal.aborted) return result;
      const texts = await playTexts(pair, variant, { topK, draftLength, seed, ...size });
      result.push({ pair: pair.name, topK, way: variant, draftLength, texts });
    }
    note(`vocabulary ${pair.name}, ${filterText(topK)}, ${variant.name}`);
  }
  return result;
}

/** A filter changes nothing of the likeliest token. */
const variantsOf = (): { way: DssdVariant; topK: number }[] =>
  dssdGrid.topKs.flatMap((topK) =>
    dssdVariants
      .filter(({ scheme }) => scheme !== 'greedy' || topK === 0)
      .map((variant) => ({ way: variant, topK })),
  );

function sizeOf({ isScripted }: Pair, isQuick: boolean) {
  if (isQuick) return { textCount: 3, tokensMax: 24 };
  return isScripted ? { textCount: 6, tokensMax: 32 } : { textCount: 10, tokensMax: 48 };
}

export const filterText = (topK: number): string => (topK === 0 ? 'no filter' : `top-k ${topK}`);

/** Rows of the tables, in the order of their columns. */
export interface DssdRows {
  readonly bytes: readonly Row[];
  readonly speed: readonly Row[];
  readonly overBandwidth: readonly Row[];
  readonly overLength: readonly Row[];
}

const keysOf = ({ pair, topK, way: variant }: DssdResult): string[] => [
  pair,
  variant.scheme === 'greedy' ? 'temperature 0' : filterText(topK),
  variant.name,
];

function tablesOf(result: readonly DssdResult[]): DssdRows {
  const { usual, mbps, roundTripsMs } = dssdGrid;
  const atUsual = result.filter(({ draftLength }) => draftLength === usual.draftLength);
  const link = evenLink(usual.roundTripMs, usual.mbps);
  return {
    bytes: atUsual.map((one) => ({ keys: keysOf(one), values: bytesOf(one) })),
    speed: [...atUsual.map((one) => speedRow(one)), ...baselineRows(atUsual)],
    overBandwidth: atUsual.flatMap((one) =>
      roundTripsMs.flatMap((roundTripMs) =>
        mbps.map((rate) => ({
          keys: [...keysOf(one), roundTripMs, rate],
          values: [tokensPerSecond(one.texts, evenLink(roundTripMs, rate), dssdPace)],
        })),
      ),
    ),
    overLength: result.map((one) => ({
      keys: [...keysOf(one), one.draftLength],
      values: [tokensPerSecond(one.texts, link, dssdPace), acceptanceOf(one.texts)],
    })),
  };
}

function bytesOf({ texts }: DssdResult) {
  const tailUp = (round: RoundsText['rounds'][number]): number => round.tail?.upBytes ?? 0;
  const tailDown = (round: RoundsText['rounds'][number]): number => round.tail?.downBytes ?? 0;
  return [
    acceptanceOf(texts),
    perRound(texts, (round) => round.upBytes + tailUp(round)),
    perRound(texts, (round) => round.downBytes + tailDown(round)),
    perToken(
      texts,
      ({ upBytes, tail }) => wireBytesOf(upBytes) + (tail ? wireBytesOf(tail.upBytes) : 0),
    ),
    perToken(
      texts,
      ({ downBytes, tail }) => wireBytesOf(downBytes) + (tail ? wireBytesOf(tail.downBytes) : 0),
    ),
  ];
}

function speedRow(one: DssdResult): Row {
  const { usual } = dssdGrid;
  const link = evenLink(usual.roundTripMs, usual.mbps);
  const speed = tokensPerSecond(one.texts, link, dssdPace);
  return {
    keys: keysOf(one),
    values: [
      perToken(one.texts, (round) => communicationMs(round, link)),
      speed,
      scaled(speed, dssdPace.passMs / 1_000),
    ],
  };
}

/** What needs no scheme, and speculation on the server alone, which needs no link. */
function baselineRows(result: readonly DssdResult[]): Row[] {
  const { usual } = dssdGrid;
  const link = evenLink(usual.roundTripMs, usual.mbps);
  const row = (name: string, speed = exact(0)): Row => ({
    keys: ['any', '', name],
    values: [null, speed, scaled(speed, dssdPace.passMs / 1_000)],
  });
  const coupled = result.find(
    ({ way: variant, topK }) => variant.scheme === 'coupled' && topK === 40,
  )!;
  return [
    ...Object.entries(baselines).map(([name, speedOf]) => row(name, speedOf(link, dssdPace))),
    row('both models on the server, coupled, bundled pair', onTheServer(coupled.texts, dssdPace)),
  ];
}
