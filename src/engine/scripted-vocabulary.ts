// Defines the alphabet of the scripted models: a start token, an end token, one whole letter per
// token, and two tokens that are halves of one letter, so that byte-wise streaming is tested.

import { PilotfishError } from '../base/error.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import type { Vocabulary } from './vocabulary.js';

const bos = 0;
const eos = 1;

/** The model's own law without the end token: every answer has the requested length. */
export const bannedEnd: Sampling = { ...plainSampling, logitBias: new Map([[eos, -Infinity]]) };

/** Token texts by id, before the two bytes of U+00E9: a space and letters, or the marks of JSON. */
const alphabets = {
  letters: ['', '', ' ', 'a', 'e', 'i', 'n', 'o', 'r', 's', 't', 'l', 'd', 'u'],
  json: ['', '', ' ', 'a', '{', '}', '[', ']', '"', ':', ',', '1', '{"', '":'],
} as const;
export type Alphabet = keyof typeof alphabets;
const halves = [0xc3, 0xa9] as const;
const splitLetter = '\u00e9';

/** By id; read-only. */
const bytesIn = (alphabet: Alphabet): readonly Uint8Array[] => [
  ...alphabets[alphabet].map((letter) => Uint8Array.from(letter, (unit) => unit.charCodeAt(0))),
  ...halves.map((half) => Uint8Array.of(half)),
];
const tokenBytes = { letters: bytesIn('letters'), json: bytesIn('json') } as const;

/** @param size in [4, 16]; smaller alphabets lack the later letters. */
export function scriptedVocabulary(size: number, alphabet: Alphabet = 'letters'): Vocabulary {
  const letters: readonly string[] = alphabets[alphabet];
  const check = (token: number): void => {
    if (!Number.isInteger(token) || token < 0 || token >= size) {
      throw new PilotfishError('token-out-of-range', `token ${token} is outside [0, ${size})`);
    }
  };
  const tokenOf = (letter: string): number[] => {
    const token = letters.indexOf(letter);
    if (token > eos && token < size) return [token];
    if (letter === splitLetter && size === 16) return [letters.length, letters.length + 1];
    throw new PilotfishError('token-out-of-range', `the scripted alphabet has no '${letter}'`);
  };
  return {
    size,
    bos,
    eos,
    endOfText: new Set([eos]),
    addsSpacePrefix: false,
    longestTokenBytes: 1,
    fingerprint: alphabet === 'letters' ? `scripted:${size}` : `scripted:${size}:${alphabet}`,
    tokenize: (text, { addBos }) =>
      Int32Array.from([...(addBos ? [bos] : []), ...[...text].flatMap(tokenOf)]),
    tokenText: (token) => {
      check(token);
      if (token <= eos) return token === bos ? '<s>' : '</s>';
      return token < letters.length
        ? letters[token]!
        : `<0x${halves[token - letters.length]!.toString(16)}>`;
    },
    tokenBytes: (token) => {
      check(token);
      return tokenBytes[alphabet][token]!;
    },
  };
}
