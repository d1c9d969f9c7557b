// Defines the flags that limit a key. `keys create` stores limits with the key; `serve` fills in
// those that a key leaves open.

import type { Option } from 'commander';
import type { KeyLimits } from '../../base/key-grant.js';
import { flag, wholeNumber } from './flags.js';

const countMax = Number.MAX_SAFE_INTEGER;

const limitNames: Readonly<Record<keyof KeyLimits, readonly [string, string]>> = {
  connections: ['connections', 'connections per key'],
  sessions: ['sessions', 'open sessions per key'],
  rounds: ['rounds', 'sessions per key in one pass; the others take turns'],
  tokensPerMinute: [
    'tokens-per-minute',
    'tokens per minute that the target verifies or writes for a key',
  ],
  promptTokens: ['prompt-tokens', 'tokens in one prompt'],
  bytesPerMinute: [
    'bytes-per-minute',
    'bytes of frames per minute and key, both ways, and 128 for each frame',
  ],
};

/** One flag for each limit; absent: no limit. */
export function limitFlags(): Option[] {
  return Object.values(limitNames).map(([name, what]) => {
    const long = `--key-${name}`;
    return flag(`${long} <n>`, `most ${what}`, wholeNumber(1, countMax));
  });
}

/** The limits that flags set. @param options as commander reads the flags. */
export function givenLimits(options: object): Partial<KeyLimits> {
  const values = options as Readonly<Record<string, number | undefined>>;
  const given = Object.keys(limitNames).flatMap((name) => {
    const value = values[`key${name.charAt(0).toUpperCase()}${name.slice(1)}`];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

/** The limits that are set, named as their flags. */
export const limitsText = (limits: KeyLimits): string =>
  Object.entries(limitNames)
    .map(([name, [flagName]]) => [flagName, limits[name as keyof KeyLimits]] as const)
    .filter(([, value]) => value !== null)
    .map(([flagName, value]) => `${flagName} ${value}`)
    .join(', ');
