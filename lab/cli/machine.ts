// Tells where and of what a measurement is: the machine in one line, the source's commit, the day.

import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { packageRoot, packageVersion } from '../../src/cli/package-root.js';

export const machineLine = (): string =>
  `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, node ${process.version}`;

/** ISO 8601, day only. */
export const today = (): string => new Date().toISOString().slice(0, 10);

/** `+`: source or models have changed since. Outside a clone: the version. */
export function commitText(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', packageRoot, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const hash = git('rev-parse', '--short=10', 'HEAD');
    return git('status', '--porcelain', '--', 'src', 'models') === '' ? hash : `${hash}+`;
  } catch {
    return `of version ${packageVersion()}`;
  }
}
