// Several users on one target at a distance: streaming, stop-and-wait with and without drafting ahead, pipeline and race,
// each with the same texts on the same server, turn by turn. The link and the devices' pace are emulated; the target is
// real and inflated: the bundled one's text at a larger model's cost, with what rows cost here.

import type { PassPace } from '../../src/cli/demo/paced-engine.js';
import { type Relay, startRelay } from '../../src/cli/demo/relay.js';
import { type ServerHandle, startServerProcess } from '../../src/cli/demo/server-handle.js';
import type { Client } from '../../src/device/index.js';
import type { LlamaOptions } from '../../src/engine/llama/index.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import {
  pipelineTokenMsMin,
  raceTokenMsMin,
  stopAndWaitTokenMs,
} from '../../src/math/round-time.js';
import type { Sampling } from '../../src/math/sampling.js';
import { median } from '../../src/math/statistics.js';
import type { Mode } from '../../src/protocol/frame.js';
import { evenLink } from '../../src/sim/profiles/link-profiles.js';
import { connectDevice, type TimedAnswer, write } from './fleet.js';
import type { Recording } from './recording.js';
import { replayDrafter } from './replay-drafter.js';

export interface LinkCase {
  readonly name: string;
  readonly options: LlamaOptions;
  readonly pace: PassPace | null;
}

export interface LinkSettings {
  readonly roundTripMs: number;
  readonly draftMs: number;
  readonly turns: number;
}

const linkVariants = ['stop-and-wait', 'draft-ahead', 'pipeline', 'race'] as const;
export type LinkVariant = (typeof linkVariants)[number];

export interface LinkRow {
  readonly way: LinkVariant;
  /** Medians over turns, in units of streaming in the same turn: all users' tokens a second, one user's speed. */
  readonly throughput: number;
  readonly speed: number;
  /** Of the bound for this way (papers' time per token) with what was measured; above 1 where the bound's model is off. */
  readonly speedOfBound: number;
  readonly tokenMs: number;
  readonly streamTokenMs: number;
  readonly acceptanceRate: number | null;
  readonly passesPerToken: number;
  readonly rowsPerToken: number;
  readonly messagesUpPerToken: number;
  readonly aheadUsedShare: number;
  readonly chainSurvival: number | null;
  readonly isSameText: boolean;
}

interface LinkFixture {
  readonly server: ServerHandle;
  readonly devices: readonly Client[];
  readonly recordings: readonly Recording[];
  readonly sampling: Sampling;
}

interface LinkResult {
  readonly written: readonly TimedAnswer[];
  readonly ms: number;
  readonly passCount: number;
  readonly rowCount: number;
}

/** @param recordings one for each user. */
export async function benchLink(
  { options, pace: times }: LinkCase,
  vocabulary: Vocabulary,
  recordings: readonly Recording[],
  sampling: Sampling,
  settings: LinkSettings,
  onRow: (row: LinkRow) => void,
): Promise<LinkRow[]> {
  const server = await startServerProcess({ kind: 'llama', options, pace: times });
  const relay: Relay = await startRelay(server.port, evenLink(settings.roundTripMs));
  const make = replayDrafter(recordings, settings.draftMs, 512);
  const devices = await Promise.all(
    recordings.map(() =>
      connectDevice(`ws://127.0.0.1:${relay.port}`, vocabulary, {
        kind: 'custom',
        make,
        contextLength: 512,
      }),
    ),
  );
  const fixture = { server, devices, recordings, sampling };
  await play(fixture, 'stream');
  const rows: LinkRow[] = [];
  for (const variant of linkVariants) {
    rows.push(await benchVariant(fixture, variant, settings));
    onRow(rows.at(-1)!);
  }
  for (const device of devices) await device.close();
  await relay.close();
  await server.stop();
  return rows;
}

/** A fixed draft leaves no room ahead of the window: the device waits for the verdict, as the papers' do. */
const plainDraftLength = 4;

function taskOf(variant: LinkVariant | 'stream') {
  const mode: Mode = variant === 'draft-ahead' ? 'stop-and-wait' : variant;
  return variant === 'stop-and-wait'
    ? {
        mode,
        windowMax: plainDraftLength,
        stopRule: { kind: 'fixed', draftLengthMax: plainDraftLength } as const,
      }
    : { mode };
}

async function play(fixture: LinkFixture, variant: LinkVariant | 'stream'): Promise<LinkResult> {
  const before = (await fixture.server.report()).stats!.core;
  const startedMs = performance.now();
  const written = await Promise.all(
    fixture.devices.map((device, index) => {
      const { prompt, seed, text } = fixture.recordings[index]!;
      const task = { prompt, seed, sampling: fixture.sampling, tokensMax: text.length } as const;
      return write(device, { ...task, scheme: 'coupled', ...taskOf(variant) });
    }),
  );
  const ms = performance.now() - startedMs;
  const after = (await fixture.server.report()).stats!.core;
  return {
    written,
    ms,
    passCount: after.passCount - before.passCount,
    rowCount: after.rowCount - before.rowCount,
  };
}

interface Turn {
  readonly stream: LinkResult;
  readonly drafted: LinkResult;
}

async function benchVariant(
  fixture: LinkFixture,
  variant: LinkVariant,
  settings: LinkSettings,
): Promise<LinkRow> {
  const turns: Turn[] = [];
  for (let turn = 0; turn < settings.turns; turn++) {
    const early = turn % 2 === 0 ? await play(fixture, 'stream') : null;
    const drafted = await play(fixture, variant);
    turns.push({ stream: early ?? (await play(fixture, 'stream')), drafted });
  }
  return rowOf(variant, turns, settings);
}

const tokenMsOf = ({ written }: LinkResult): number =>
  median(written.map(({ tokenMs }) => tokenMs));
const tokensOf = ({ written }: LinkResult): number =>
  written.reduce((sum, { tokens }) => sum + tokens.length, 0);

function rowOf(variant: LinkVariant, turns: readonly Turn[], settings: LinkSettings): LinkRow {
  const of = (value: (turn: Turn) => number): number => median(turns.map(value));
  const perToken = (value: (result: LinkResult) => number): number =>
    of(({ drafted }) => value(drafted) / tokensOf(drafted));
  const all = turns.flatMap(({ drafted }) => drafted.written.map(({ statistics }) => statistics));
  const sum = (value: (one: (typeof all)[number]) => number): number =>
    all.reduce((total, one) => total + value(one), 0);
  const acceptanceRate = shareOf(
    sum((one) => one.acceptedCount),
    sum((one) => one.testedCount),
  );
  const tokenMs = of(({ drafted }) => tokenMsOf(drafted));
  const streamTokenMs = of(({ stream }) => tokenMsOf(stream));
  const boundMs = boundOf(variant, acceptanceRate ?? 0, {
    draftMs: settings.draftMs,
    verifyMs: streamTokenMs,
    roundTripMs: settings.roundTripMs,
  });
  return {
    way: variant,
    throughput: of(
      ({ stream, drafted }) => tokensOf(drafted) / drafted.ms / (tokensOf(stream) / stream.ms),
    ),
    speed: of(({ stream, drafted }) => tokenMsOf(stream) / tokenMsOf(drafted)),
    speedOfBound: boundMs / tokenMs,
    tokenMs,
    streamTokenMs,
    acceptanceRate,
    passesPerToken: perToken(({ passCount }) => passCount),
    rowsPerToken: perToken(({ rowCount }) => rowCount),
    messagesUpPerToken: sum((one) => one.upMessageCount) / sum((one) => one.tokenCount),
    aheadUsedShare:
      shareOf(
        sum((one) => one.aheadUsedCount),
        sum((one) => one.draftedCount),
      ) ?? 0,
    chainSurvival: shareOf(
      sum((one) => one.chainSurvivedCount),
      sum((one) => one.chainTestedCount),
    ),
    isSameText: turns.every(({ stream, drafted }) =>
      stream.written.every((one, index) => `${one.tokens}` === `${drafted.written[index]!.tokens}`),
    ),
  };
}

const shareOf = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** The papers' time per token: a pass of any rows takes as long as one of streaming, and the server waits for nobody. */
function boundOf(
  variant: LinkVariant,
  acceptanceRate: number,
  times: { readonly draftMs: number; readonly verifyMs: number; readonly roundTripMs: number },
): number {
  switch (variant) {
    case 'stop-and-wait':
      return stopAndWaitTokenMs(times, { acceptanceRate, draftLength: plainDraftLength });
    case 'race':
      return raceTokenMsMin(times, acceptanceRate);
    default:
      return pipelineTokenMsMin(times, acceptanceRate);
  }
}
