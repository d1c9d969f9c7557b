// Answers DSSD's question: what it takes to move drafts up and verdicts down, and what is left of
// the gain, over link, draft length and vocabulary. arXiv 2507.12000.

import { type Estimate, scaled } from '../../src/math/estimate.js';
import { deviceProfiles } from '../../src/sim/profiles/device-profiles.js';
import { evenLink, wireBytesOf } from '../../src/sim/profiles/link-profiles.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import { type Measured, rowWhere } from '../report/text.js';
import { checkLoop } from './dssd/link.js';
import {
  openPairs,
  type Pair,
  type RoundsText,
  type SchemeVariant,
  schemeVariants,
  writeTexts,
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
import { combinations, type Run } from './fixture.js';

/** Where only one thing is changed. */
const usual = { link: evenLink(20, 10), draftLength: 4 };
const links = combinations({ roundTripMs: [0, 20, 50], mbps: [1, 5, 10, 50, 100] });
/** A device and a target: both imitated. */
const times: DssdTimes = { draftMs: deviceProfiles['orin-nano'].tokenMs, passMs: 30 };

/** One way to send, at one draft length. @param topK 0: no filter. */
interface Variant {
  readonly pair: string;
  readonly topK: number;
  readonly scheme: SchemeVariant;
  readonly draftLength: number;
}
type TextRun = Run<Variant, readonly RoundsText[]>;

export const dssdExperiment: Experiment = { id: 'dssd', minutes: 4, run };

async function run(context: ExperimentContext): Promise<Measured> {
  const { models, isQuick, note, signal } = context;
  // The bundled pair computes on threads of its own, while the scripted ones take this one.
  const pairs = await openPairs(models);
  const runs = (await Promise.all(pairs.map((pair) => runPair(pair, context)))).flat();
  for (const { target, draft } of pairs) await Promise.all([target.close(), draft.close()]);
  const checks = signal.aborted ? [] : await checkLoop(models, times.passMs, isQuick ? 3 : 5, note);
  const atUsual = runs.filter(({ variant }) => variant.draftLength === usual.draftLength);
  const bytes = atUsual.map((one) => ({ ...keysOf(one), ...bytesOf(one.result) }));
  const overBandwidth = atUsual.flatMap((one) =>
    links.map((link) => ({
      ...{ ...keysOf(one), ...link },
      tokensPerSecond: tokensPerSecond(one.result, evenLink(link.roundTripMs, link.mbps), times),
    })),
  );
  const overLength = runs.map((one) => ({
    ...{ ...keysOf(one), draftLength: one.variant.draftLength },
    tokensPerSecond: tokensPerSecond(one.result, usual.link, times),
    acceptance: acceptanceOf(one.result),
  }));
  return {
    values: {
      ...bytesValues(bytes),
      ...speedValues(overBandwidth),
      acceptances: overLength
        .filter((row) => row.vocabulary === bundled && isUnfiltered(row) && row.scheme === 'split')
        .map(({ acceptance }) => figure(acceptance.value))
        .join(', '),
    },
    tables: {
      ...{ bytes, checks },
      speed: [...atUsual.map(speedRow), ...baselineRows(atUsual)],
      'over-bandwidth': overBandwidth,
      'over-length': overLength,
    },
  };
}

async function runPair(
  pair: Pair,
  { isQuick, seed, note, signal }: ExperimentContext,
): Promise<TextRun[]> {
  const runs: TextRun[] = [];
  const usualSize = pair.isScripted
    ? { textCount: 6, tokensMax: 32 }
    : { textCount: 10, tokensMax: 48 };
  const size = isQuick ? { textCount: 3, tokensMax: 24 } : usualSize;
  for (const { topK, scheme } of combinations({ topK: [0, 40], scheme: schemeVariants })) {
    // A filter changes nothing of the likeliest token.
    if (scheme.scheme === 'greedy' && topK > 0) continue;
    for (const draftLength of isQuick ? [4] : [2, 4, 6, 8]) {
      if (signal.aborted) return runs;
      const texts = await writeTexts(pair, scheme, { topK, draftLength, seed, ...size });
      runs.push({ variant: { pair: pair.name, topK, scheme, draftLength }, result: texts });
    }
    note(`vocabulary ${pair.name}, ${filterText(topK)}, ${scheme.name}`);
  }
  return runs;
}

const noFilter = 'no filter';
const filterText = (topK: number): string => (topK === 0 ? noFilter : `top-k ${topK}`);
const isUnfiltered = ({ filter }: { readonly filter: string }): boolean => filter === noFilter;

const keysOf = ({ variant: { pair, topK, scheme } }: TextRun) => ({
  vocabulary: pair,
  filter: scheme.scheme === 'greedy' ? 'temperature 0' : filterText(topK),
  scheme: scheme.name,
});

function bytesOf(texts: readonly RoundsText[]) {
  const wire = (byteCount: number | undefined): number =>
    byteCount === undefined ? 0 : wireBytesOf(byteCount);
  return {
    acceptance: acceptanceOf(texts),
    upBytes: perRound(texts, ({ upBytes, tail }) => upBytes + (tail?.upBytes ?? 0)),
    downBytes: perRound(texts, ({ downBytes, tail }) => downBytes + (tail?.downBytes ?? 0)),
    upWire: perToken(texts, ({ upBytes, tail }) => wire(upBytes) + wire(tail?.upBytes)),
    downWire: perToken(texts, ({ downBytes, tail }) => wire(downBytes) + wire(tail?.downBytes)),
  };
}

/** As a share of streaming: a token a pass. */
const ofStreaming = (speed: Estimate): Estimate => scaled(speed, times.passMs / 1_000);

function speedRow(one: TextRun) {
  const speed = tokensPerSecond(one.result, usual.link, times);
  return {
    ...keysOf(one),
    communicationMs: perToken(one.result, (round) => communicationMs(round, usual.link)),
    tokensPerSecond: speed,
    ofStreaming: ofStreaming(speed),
  };
}

/** What needs no scheme, and speculation on the server alone, which needs no link. */
function baselineRows(runs: readonly TextRun[]) {
  const row = (scheme: string, speed: Estimate) => ({
    ...{ vocabulary: 'any', filter: '', scheme, communicationMs: null },
    ...{ tokensPerSecond: speed, ofStreaming: ofStreaming(speed) },
  });
  const coupled = runs.find(
    ({ variant: { scheme, topK } }) => scheme.scheme === 'coupled' && topK === 40,
  )!;
  return [
    ...Object.entries(baselines).map(([name, speedOf]) => row(name, speedOf(usual.link, times))),
    row('both models on the server, coupled, bundled pair', onTheServer(coupled.result, times)),
  ];
}

const bundled = '4096 (bundled)';
const middle = '32000 (scripted)';
const large = '128000 (scripted)';

function bytesValues(rows: readonly (ReturnType<typeof keysOf> & ReturnType<typeof bytesOf>)[]) {
  const round = (scheme: string, filter = noFilter) => {
    const { upBytes, downBytes } = rowWhere(rows, { vocabulary: large, filter, scheme });
    return { up: upBytes, down: downBytes };
  };
  /** Kilobytes of a text of 128 tokens, all layers. */
  const text = (scheme: string) => {
    const row = rowWhere(rows, { vocabulary: middle, filter: noFilter, scheme });
    return { up: scaled(row.upWire, 128 / 1_024), down: scaled(row.downWire, 128 / 1_024) };
  };
  return {
    full: { up: round('full').up },
    ...{ split: round('split'), cut: { down: round(cut).down }, coupled: round('coupled') },
    filtered: { full: round('full', 'top-k 40').up, split: round('split', 'top-k 40').down },
    text: { full: { up: text('full').up }, split: text('split'), coupled: text('coupled') },
  };
}

const cut = 'split, law cut to 32';

function speedValues(
  rows: readonly (ReturnType<typeof keysOf> &
    (typeof links)[number] & { readonly tokensPerSecond: Estimate })[],
) {
  const at = (vocabulary: string, scheme: string, roundTripMs: number, mbps: number): Estimate =>
    rowWhere(rows, { vocabulary, filter: noFilter, scheme, roundTripMs, mbps }).tokensPerSecond;
  const speeds = (mbps: number) => ({
    full: at(large, 'full', 20, mbps),
    split: at(large, 'split', 20, mbps),
    cut: at(large, cut, 20, mbps),
    coupled: at(large, 'coupled', 20, mbps),
  });
  const coupled = (roundTripMs: number) => ofStreaming(at(bundled, 'coupled', roundTripMs, 10));
  return {
    slowLink: speeds(10),
    fastLink: speeds(100),
    ofStreaming: { at0: coupled(0), at20: coupled(20), at50: coupled(50) },
    splitOfStreaming: {
      at0: ofStreaming(at(middle, 'split', 0, 100)),
      at20: ofStreaming(at(middle, 'split', 20, 100)),
      at20Slow: ofStreaming(at(middle, 'split', 20, 50)),
    },
  };
}
