// The flags that limit what a key may use: `keys create` keeps them with the key, `serve` gives them to every key that
// leaves one open.

import type { Option } from 'commander';
import type { KeyLimits } from '../../base/key-grant.js';
import { flag, wholeNumber } from './flags.js';

const countMax = Number.MAX_SAFE_INTEGER;

const words: Readonly<Record<keyof KeyLimits, readonly [string, string]>> = {
  sessions: ['sessions', 'sessions of a key that are not closed'],
  rounds: ['rounds', 'sessions of a key in one pass; the others wait their turn'],
  tokensPerMinute: ['tokens-per-minute', 'tokens that the target judges or writes for a key'],
  promptTokens: ['prompt-tokens', 'tokens of one prompt of a key'],
  bytesPerMinute: ['bytes-per-minute', 'bytes of frames of a key, both ways'],
};

/** One flag for each limit; absent: none. */
export function limitFlags(): Option[] {
  return Object.values(words).map(([name, what]) => {
    const long = `--key-${name}`;
    return flag(`${long} <n>`, `most ${what}`, wholeNumber(long, 1, countMax));
  });
}

/** The limits that were given. @param options as commander reads the flags. */
export function givenLimits(options: object): Partial<KeyLimits> {
  const values = options as Readonly<Record<string, number | undefined>>;
  const given = Object.keys(words).flatMap((name) => {
    const value = values[`key${name.charAt(0).toUpperCase()}${name.slice(1)}`];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

/** Limits that are not open, in the words of their flags. */
export const limitsText = (limits: KeyLimits): string =>
  Object.entries(words)
    .map(([name, [word]]) => [word, limits[name as keyof KeyLimits]] as const)
    .filter(([, value]) => value !== null)
    .map(([word, value]) => `${word} ${value}`)
    .join(', ');
