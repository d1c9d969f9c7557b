// Defines the result of a check. Each check is a pure function of gathered facts and gives at most
// one.

/** `note`: good to know. `warn`: works, but badly. `fail`: something will not work. */
export type CheckLevel = 'ok' | 'note' | 'warn' | 'fail';

export interface Check {
  readonly name: string;
  readonly verdict: CheckLevel;
  /** The finding, in one line. */
  readonly finding: string;
  /** The remedy, or null. */
  readonly remedy: string | null;
}

const form =
  (verdict: CheckLevel) =>
  (name: string, finding: string, remedy: string | null = null): Check => ({
    name,
    verdict,
    finding,
    remedy,
  });

export const ok = form('ok');
export const note = form('note');
export const warn = form('warn');
export const fail = form('fail');

/** Whether a dotted version is at least another; missing parts count as 0. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [left, right] = [version, wanted].map((text) => text.split('.').map(Number));
  for (let index = 0; index < right!.length; index++) {
    const difference = (left![index] ?? 0) - right![index]!;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
