// Writes the view of `pilotfish top` as text, the same with and without a terminal. Rates cover the
// time between two snapshots, or since the start.

import type { ServerStats } from '../../server/index.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMemory,
  formatShare,
} from '../screen/numbers.js';
import { formatTable } from '../screen/table.js';
import { visible } from '../screen/visible.js';

/** @param before the previous snapshot, for rates; null: since the start. */
export function topText(stats: ServerStats, before: ServerStats | null): string {
  const { core, modelName, contextLength, uptimeMs } = stats;
  const title = `${modelName}, ${core.slotCount} slots of ${contextLength} tokens, up ${formatDuration(uptimeMs)}`;
  const rows = [
    ...loadRows(stats, before),
    ...sessionRows(stats),
    ...passRows(stats),
    ...tokenRows(stats, before),
    ...wireRows(stats),
  ];
  // A server may answer with any text in place of a number.
  const shown = rows.map((row) => row.map((cell) => visible(cell, 'all')));
  return `${visible(title, 'all')}\n\n${formatTable(shown, { indent: '  ' })}`;
}

type Rows = readonly (readonly [string, string])[];

/** Growth of a count between two snapshots, and the milliseconds between them. */
function growth(
  stats: ServerStats,
  before: ServerStats | null,
  count: (stats: ServerStats) => number,
): { readonly count: number; readonly ms: number } {
  return {
    count: count(stats) - (before ? count(before) : 0),
    ms: stats.uptimeMs - (before?.uptimeMs ?? 0),
  };
}

function share(part: number, whole: number): string {
  return whole > 0 ? formatShare(part / whole) : '-';
}

function loadRows(stats: ServerStats, before: ServerStats | null): Rows {
  const busy = growth(stats, before, ({ core }) => core.busyMs);
  const cpu = growth(stats, before, ({ process }) => process.cpuMs);
  const { residentBytes, heapBytes } = stats.process;
  return [
    [
      'load',
      `engine busy ${share(busy.count, busy.ms)}, processor ${share(cpu.count, cpu.ms)} of one core`,
    ],
    ['memory', `${formatMemory(residentBytes)} resident, ${formatMemory(heapBytes)} heap`],
  ];
}

function sessionRows({ core }: ServerStats): Rows {
  const { sessionsByMode, images } = core;
  const modes = Object.entries(sessionsByMode)
    .filter(([, count]) => count > 0)
    .map(([mode, count]) => `${mode} ${count}`);
  const byMode = modes.length === 0 ? '' : `; ${modes.join(', ')}`;
  return [
    ['connections', formatCount(core.connectionCount)],
    ['sessions', `${core.sessionCount} (${core.detachedCount} detached)${byMode}`],
    [
      'slots',
      `${core.slotsOwned} of ${core.slotCount} held; ${images.count} swapped out, ${formatBytes(images.bytes)}; ${formatCount(core.evictionCount)} evicted`,
    ],
    ['advice', adviceText(core)],
    [
      'drafts off',
      `${core.distrusted.offCount} sessions, ${core.distrusted.cutCount} shortened: their drafts keep being rejected`,
    ],
    ['keys', keysText(core)],
    ['queue', `${core.queueLength} sessions, ${core.waitingForSlot} of them without a slot`],
  ];
}

/** Advised draft lengths. Load shortens drafts, then stops them, before sessions are refused. */
function adviceText({ advised }: ServerStats['core']): string {
  const { sessionCount, meanLength, noneCount } = advised;
  if (sessionCount === 0) return 'none given';
  const sessions = sessionCount === 1 ? '1 session' : `${sessionCount} sessions`;
  return `drafts of ${meanLength.toFixed(1)} tokens on average to ${sessions}, no drafts to ${noneCount} of them`;
}

/** Keys in use, and the share of the busiest one. */
function keysText(core: ServerStats['core']): string {
  const { accountCount, accounts } = core;
  const judged = accounts.reduce((sum, one) => sum + one.judgedCount, 0);
  const [first] = accounts;
  if (first === undefined || judged === 0) return `${accountCount}`;
  const name = first.id ?? 'no key';
  return `${accountCount}; most for ${name}, ${share(first.judgedCount, judged)} of the rows; ${formatCount(core.quotaRefusalCount)} refused over quota`;
}

function passRows({ core }: ServerStats): Rows {
  const { passSessions, passTokens, passMs, passTimeError, verdictMs, passCount } = core;
  return [
    [
      'passes',
      `${formatCount(passCount)}, ${core.passFailureCount} failed; sessions p50 ${passSessions.p50.toFixed(0)} p99 ${passSessions.p99.toFixed(0)}, tokens p50 ${passTokens.p50.toFixed(0)} p99 ${passTokens.p99.toFixed(0)}`,
    ],
    ['pass time', `${quantiles(passMs)}; predicted within ${formatShare(passTimeError.share)}`],
    ['verdict', quantiles(verdictMs)],
  ];
}

function quantiles({ p50, p90, p99 }: ServerStats['core']['passMs']): string {
  return `p50 ${formatDuration(p50)}, p90 ${formatDuration(p90)}, p99 ${formatDuration(p99)}`;
}

function tokenRows(stats: ServerStats, before: ServerStats | null): Rows {
  const { core } = stats;
  const tokens = growth(stats, before, (one) => one.core.committedCount);
  const rate = tokens.ms > 0 ? ((tokens.count / tokens.ms) * 1000).toFixed(1) : '-';
  return [
    ['tokens', `${formatCount(core.committedCount)} committed, ${rate} tokens/s`],
    ['of them', sourcesText(core)],
    ['drafts', `devices ${acceptedText(core.acceptedCount, core.testedCount)}`],
    ...serverDraftRows(core),
  ];
}

/** Where the tokens came from. */
function sourcesText({ committedCount, sources }: ServerStats['core']): string {
  const { deviceCount, modelCount, suffixCount } = sources;
  const drafted = deviceCount + modelCount + suffixCount;
  return [
    `target ${formatCount(committedCount - drafted)}`,
    `devices ${formatCount(deviceCount)}`,
    `model ${formatCount(modelCount)}`,
    `look-up ${formatCount(suffixCount)}`,
  ].join(', ');
}

const acceptedText = (accepted: number, tested: number): string =>
  `${formatCount(accepted)} accepted of ${formatCount(tested)} tested, ${share(accepted, tested)}`;

/** Drafts of the server itself; nothing where none of that kind was made. */
function serverDraftRows(core: ServerStats['core']): Rows {
  const { sources, serverTests, stageCount, modelDraftedCount, draftFailureCount } = core;
  const model = `model ${acceptedText(sources.modelCount, serverTests.modelCount)}`;
  const stages = `${formatCount(stageCount)}, ${formatCount(draftFailureCount)} failed; ${formatCount(modelDraftedCount)} tokens drafted`;
  const lookUp = `look-up ${acceptedText(sources.suffixCount, serverTests.suffixCount)}`;
  return [
    ...(serverTests.suffixCount > 0 ? ([['', lookUp]] as const) : []),
    ...(stageCount + draftFailureCount > 0
      ? ([
          ['', model],
          ['stages', stages],
        ] as const)
      : []),
  ];
}

function wireRows({
  wire,
  core: { committedCount, cover: shaping, coverCount: shapingCount },
}: ServerStats): Rows {
  const perToken = (messages: number, bytes: number): string =>
    committedCount > 0
      ? `${(bytes / committedCount).toFixed(1)} bytes in ${(messages / committedCount).toFixed(2)} messages a token`
      : '-';
  return [
    ['up', `${formatBytes(wire.bytesUp)}; ${perToken(wire.messagesUp, wire.bytesUp)}`],
    ['down', `${formatBytes(wire.bytesDown)}; ${perToken(wire.messagesDown, wire.bytesDown)}`],
    ['shaping', shapingText(shaping, shapingCount)],
  ];
}

/** Padding and intervals, for all messages and for connections that ask. */
function shapingText(shaping: ServerStats['core']['cover'], shapingCount: number): string {
  const { padBytes, aggregateMs, connectionCount } = shaping;
  const forAll = [
    ...(padBytes > 0 ? [`padded from ${padBytes} bytes`] : []),
    ...(aggregateMs > 0 ? [`each ${aggregateMs} ms`] : []),
  ];
  const wanted = forAll.length === 0 ? 'on request' : `all messages ${forAll.join(', ')}`;
  return `${wanted}; ${connectionCount} connections, ${formatCount(shapingCount)} filler messages`;
}
