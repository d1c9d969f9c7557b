// Puts the drafts that a pass may test in a line: those of the device first, then the server's own
// behind them.

/** What has drafted a token on the server. */
export type ServerSource = 'model' | 'suffix';

/** Drafts of the server, for the positions after a device's drafts in line. */
export interface ServerDrafts {
  /** [n] */
  readonly tokens: Int32Array;
  /** [n] */
  readonly sources: readonly ServerSource[];
  /** [n] estimated chance of each to stand, given that all before it stand. */
  readonly chances: readonly number[];
  /** [n] the draft model's own confidence; null: of a look-up. */
  readonly confidences: readonly (number | null)[];
}

/** The drafts of a session that the next pass may test. */
export interface DraftLine {
  /** Drafts in line of its device. */
  readonly deviceCount: number;
  readonly server: ServerDrafts;
}

export const noServerDrafts: ServerDrafts = {
  tokens: new Int32Array(0),
  sources: [],
  chances: [],
  confidences: [],
};

/** A line without drafts of the server. */
export const deviceLine = (deviceCount: number): DraftLine => ({
  deviceCount,
  server: noServerDrafts,
});

export const lineLength = ({ deviceCount, server }: DraftLine): number =>
  deviceCount + server.tokens.length;

/** Tokens after others; a copy, unless none follow. */
export function joinTokens(first: Int32Array, second: Int32Array): Int32Array {
  if (second.length === 0) return first;
  const all = new Int32Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

/** Drafts of one source after those of another. */
export function joinDrafts(first: ServerDrafts, second: ServerDrafts): ServerDrafts {
  if (second.tokens.length === 0) return first;
  return {
    tokens: joinTokens(first.tokens, second.tokens),
    sources: [...first.sources, ...second.sources],
    chances: [...first.chances, ...second.chances],
    confidences: [...first.confidences, ...second.confidences],
  };
}

/** At most `countMax` of the drafts, and none after one that ends a text. */
export function cutDrafts(
  drafts: ServerDrafts,
  countMax: number,
  endOfText: ReadonlySet<number>,
): ServerDrafts {
  const end = drafts.tokens.findIndex((token) => endOfText.has(token));
  return firstDrafts(drafts, end < 0 ? countMax : Math.min(countMax, end + 1));
}

/** At most `countMax` of the drafts. */
export function firstDrafts(drafts: ServerDrafts, countMax: number): ServerDrafts {
  const count = Math.max(0, countMax);
  if (count >= drafts.tokens.length) return drafts;
  if (count === 0) return noServerDrafts;
  return {
    tokens: drafts.tokens.subarray(0, count),
    sources: drafts.sources.slice(0, count),
    chances: drafts.chances.slice(0, count),
    confidences: drafts.confidences.slice(0, count),
  };
}

/**
 * The device's drafts in line, with those of the server behind an earlier state of them. Where both
 * have a draft for the same place and they differ, the likelier end of the line stays.
 *
 * @param device [n] in line now.
 * @param proposal what the server has drafted behind `prefix`.
 * @param deviceChance of a draft of the device to stand, in [0, 1].
 */
export function mergedLine(
  device: Int32Array,
  { prefix, drafts }: { readonly prefix: Int32Array; readonly drafts: ServerDrafts },
  deviceChance: number,
): DraftLine {
  const isBehind =
    device.length >= prefix.length && prefix.every((token, at) => device[at] === token);
  if (!isBehind) return deviceLine(device.length);
  const more = device.subarray(prefix.length);
  const shared = sharedCount(more, drafts.tokens);
  if (shared === drafts.tokens.length) return deviceLine(device.length);
  const rest = draftsFrom(drafts, shared);
  const left = more.length - shared;
  if (left === 0) return { deviceCount: device.length, server: rest };
  const deviceWorth = expectedCount(new Array<number>(left).fill(deviceChance));
  return deviceWorth >= expectedCount(rest.chances)
    ? deviceLine(device.length)
    : { deviceCount: prefix.length + shared, server: rest };
}

function sharedCount(one: Int32Array, other: Int32Array): number {
  const end = Math.min(one.length, other.length);
  let count = 0;
  while (count < end && one[count] === other[count]) count++;
  return count;
}

/** Expected number of drafts that stand. @param chances of each, given those before. */
export function expectedCount(chances: readonly number[]): number {
  let survival = 1;
  let count = 0;
  for (const chance of chances) {
    survival *= chance;
    count += survival;
  }
  return count;
}

const draftsFrom = (drafts: ServerDrafts, from: number): ServerDrafts => ({
  tokens: drafts.tokens.subarray(from),
  sources: drafts.sources.slice(from),
  chances: drafts.chances.slice(from),
  confidences: drafts.confidences.slice(from),
});

/** The first `count` drafts of a line, and those of a look-up behind all of it. */
export function lineOf(
  { deviceCount, server }: DraftLine,
  count: number,
  suffix: ServerDrafts,
): DraftLine {
  const kept = Math.min(count, deviceCount);
  const drafts = firstDrafts(server, count - kept);
  return { deviceCount: kept, server: joinDrafts(drafts, suffix) };
}
