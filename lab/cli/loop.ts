// `npm run lab -- loop`: what the loop between devices and server costs and gains, as ratios inside one run. Prints
// tables; the work is lab/loop. Whatever is emulated is called so.

import { formatTable } from '../../src/cli/screen/table.js';
import { type CoalescingRow, coalescingGrid, compareSendings } from '../../src/sim/index.js';
import { batchAtLeast, benchBatch } from '../loop/batch-bench.js';
import { benchLink, type LinkRow } from '../loop/link-bench.js';
import { type LoopFixture, loopFixture } from '../loop/loop-fixture.js';
import { benchRace, type RaceRow, raceGrid } from '../loop/race-bench.js';
import { benchStack, type StackRow, stackAtLeast } from '../loop/stack-bench.js';
import type { BenchModels } from '../weights/bench-models.js';

/** What every part is given. */
export interface LoopContext {
  readonly models: BenchModels;
  readonly quick: boolean;
  readonly say: (text: string) => void;
  readonly note: (text: string) => void;
}

export const loopPartNames = ['stack', 'batch', 'link', 'race', 'sending'] as const;
export type LoopPartName = (typeof loopPartNames)[number];

const linkRoundTripMs = 20;
const linkDraftMs = 8;

/** Each measures one thing, prints it, and returns what --json shows of it. */
export const loopParts: Record<LoopPartName, (context: LoopContext) => Promise<unknown>> = {
  async stack({ quick, say, note }) {
    const rows = await benchStack(quick ? 3 : 9, ({ scheme, ratio }) =>
      note(`${scheme}: ${three(ratio)}`),
    );
    say(
      '\nStack: verified rounds a second in units of a bare ws echo with frames of the same sizes and as many connections ' +
        `(scripted engine, stop-and-wait, 4 drafted; aim ${stackAtLeast})`,
    );
    say(stackTable(rows));
    return rows;
  },
  async batch({ models, quick, say }) {
    const path = models.inflatedTarget();
    const row = await withFixture(path, models, 16, quick ? 16 : 32, (fixture) =>
      benchBatch(path, fixture.vocabulary, fixture.recordings, fixture.sampling, quick ? 3 : 7),
    );
    say(
      `\nBatch: ${row.devices} devices on the inflated target, tokens a second in units of a bare llama_decode loop of ` +
        `the same batches: ${three(row.ratio)} [${three(row.low)}, ${three(row.high)}] (aim ${batchAtLeast}); ` +
        `${three(row.decodeShare)} of the time is llama_decode; ${row.sessionsPerPass.toFixed(1)} sessions and ` +
        `${row.rowsPerPass.toFixed(1)} rows a pass`,
    );
    return row;
  },
  async link({ models, quick, say, note }) {
    const options = {
      slotCount: 4,
      contextLength: 512,
      threads: 1,
      probe: false,
      deterministic: true,
    };
    const cases = [
      { name: 'inflated target, real passes', path: models.inflatedTarget(), pace: null },
      {
        name: 'pass time emulated: 30 ms whatever the rows',
        path: models.target(),
        pace: { passMs: 30, rowMs: 0 },
      },
    ];
    const settings = { roundTripMs: linkRoundTripMs, draftMs: linkDraftMs, turns: quick ? 3 : 5 };
    const results: unknown[] = [];
    for (const { name, path, pace: times } of cases) {
      const rows = await withFixture(path, models, 4, quick ? 32 : 64, (fixture) =>
        benchLink(
          { name, options: { ...options, modelPath: path }, pace: times },
          fixture.vocabulary,
          fixture.recordings,
          fixture.sampling,
          settings,
          ({ way: variant, speed }) => note(`${name}, ${variant}: ${three(speed)}`),
        ),
      );
      say(
        `\nLink: 4 users, ${linkRoundTripMs} ms round trip and ${linkDraftMs} ms a drafted token (both emulated), in ` +
          `units of streaming on the same server. ${name}`,
      );
      say(linkTable(rows));
      results.push({ name, rows });
    }
    return results;
  },
  async race({ models, quick, say, note }) {
    const grid = { ...raceGrid, turns: quick ? 3 : 8 };
    const path = models.target();
    const rows = await withFixture(path, models, grid.turns, 96, (fixture) =>
      benchRace(
        path,
        fixture.vocabulary,
        fixture.recordings,
        fixture.sampling,
        grid,
        ({ roundTripMs, draftMs, speed }) =>
          note(`round trip ${roundTripMs} ms, draft ${draftMs} ms: ${three(speed)}`),
      ),
    );
    say(
      `\nRace: speed of one user in units of streaming (aim 0.98), and of what the model of race gives for the same ` +
        `text (aim 0.9 of it). Link, drafts and a pass of ${grid.passMs} ms are emulated`,
    );
    say(raceTable(rows));
    return rows;
  },
  async sending({ quick, say, note }) {
    const seedCount = quick ? 3 : 20;
    const rows = compareSendings(seedCount, ({ roundTripMs, sending }) =>
      note(`round trip ${roundTripMs} ms, ${sending}`),
    );
    const { draftMs, passMs } = coalescingGrid;
    say(
      `\nSending: when a device sends in race, in virtual time: draft ${draftMs} ms, pass ${passMs} ms, ${seedCount} seeds; ` +
        'messages and bytes up for each token, pings included; delay against sending each token at once',
    );
    say(sendingTable(rows));
    return rows;
  },
};

async function withFixture<T>(
  targetPath: string,
  models: BenchModels,
  count: number,
  tokenCount: number,
  work: (fixture: LoopFixture) => Promise<T>,
): Promise<T> {
  const fixture = await loopFixture(targetPath, models.draft(), count, tokenCount);
  try {
    return await work(fixture);
  } finally {
    await fixture.close();
  }
}

const three = (value: number): string => value.toFixed(3);
const two = (value: number): string => value.toFixed(2);
const share = (value: number | null): string => (value === null ? '-' : two(value));

function stackTable(rows: readonly StackRow[]): string {
  const body = rows.map((row) => [
    row.scheme,
    `${three(row.ratio)} [${three(row.low)}, ${three(row.high)}]`,
    row.serverMicrosPerRound.toFixed(0),
    row.echoMicrosPerRound.toFixed(0),
    two(row.messagesUpPerToken + row.messagesDownPerToken),
    row.bytesUpPerToken.toFixed(1),
    row.bytesDownPerToken.toFixed(1),
    share(row.acceptanceRate),
  ]);
  const head = [
    'scheme',
    'of the echo [95 %]',
    'server us a round',
    'echo us',
    'messages a token',
    'bytes up',
    'bytes down',
    'accepted / tested',
  ];
  return formatTable([head, ...body], {
    align: ['left', ...head.slice(1).map(() => 'right' as const)],
  });
}

function linkTable(rows: readonly LinkRow[]): string {
  const body = rows.map((row) => [
    row.way,
    three(row.throughput),
    three(row.speed),
    two(row.speedOfBound),
    `${row.tokenMs.toFixed(1)} / ${row.streamTokenMs.toFixed(1)}`,
    share(row.acceptanceRate),
    two(row.passesPerToken),
    two(row.rowsPerToken),
    two(row.messagesUpPerToken),
    share(row.chainSurvival),
    row.isSameText ? 'yes' : 'no',
  ]);
  const head = [
    'mode',
    'throughput',
    'speed of a user',
    'of its bound',
    'ms a token / streaming',
    'accepted / tested',
    'passes a token',
    'rows',
    'messages up',
    'chain stands',
    'same text',
  ];
  return formatTable([head, ...body], {
    align: ['left', ...head.slice(1).map(() => 'right' as const)],
  });
}

function raceTable(rows: readonly RaceRow[]): string {
  const body = rows.map((row) => [
    String(row.draftMs),
    String(row.roundTripMs),
    three(row.speed),
    three(row.speedMin),
    three(row.modelSpeed),
    two(row.speed / row.modelSpeed),
    two(row.speed / row.geometricSpeed),
    share(row.acceptanceRate),
    two(row.passesPerToken),
    two(row.rowsPerToken),
    two(row.messagesUpPerToken),
    (row.bytesUpPerToken + row.bytesDownPerToken).toFixed(1),
    row.isSameText ? 'yes' : 'no',
  ]);
  const head = [
    'draft ms',
    'round trip ms',
    'race / streaming',
    'worst turn',
    'model',
    'of the model',
    'of the geometric one',
    'accepted / tested',
    'passes a token',
    'rows',
    'messages up',
    'bytes',
    'same text',
  ];
  return formatTable([head, ...body], { align: head.map(() => 'right' as const) });
}

function sendingTable(rows: readonly CoalescingRow[]): string {
  const body = rows.map((row) => {
    const atOnce = rows.find(
      (other) =>
        other.sending === 'at-once' &&
        other.roundTripMs === row.roundTripMs &&
        other.jitterMs === row.jitterMs,
    )!;
    return [
      String(row.jitterMs),
      String(row.roundTripMs),
      row.sending,
      two(row.tokenMs),
      `${((row.tokenMs / atOnce.tokenMs - 1) * 100).toFixed(1)} %`,
      two(row.upMessages),
      row.upBytes.toFixed(1),
      two(row.passes),
      two(row.acceptanceRate),
    ];
  });
  const head = [
    'jitter ms',
    'round trip ms',
    'sends',
    'ms a token',
    'delay',
    'messages up',
    'bytes up',
    'passes',
    'accepted / tested',
  ];
  return formatTable([head, ...body], {
    align: head.map((_, column) => (column === 2 ? 'left' : 'right')),
  });
}
