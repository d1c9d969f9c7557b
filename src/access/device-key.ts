// Makes device keys and checks tokens against them. The token itself is never stored: its 256
// random bits need no slow hash, so a salted HMAC is enough.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyLimits, Right } from '../base/key-grant.js';

/** A key as the key file stores it. */
export interface StoredKey {
  /** [12] hex digits; part of the token, so that a look-up needs no secret. */
  readonly id: string;
  /** Its name, unique in its file. */
  readonly name: string;
  /** [32] hex digits. */
  readonly salt: string;
  /** [64] hex digits: HMAC-SHA-256 of the token under the salt. */
  readonly digest: string;
  /** Seconds since 1970. */
  readonly createdS: number;
  /** From this second on it is no key any more; null: never. */
  readonly expiresS: number | null;
  readonly limits: KeyLimits;
  /** Absent: none, as in every file of before there were rights. */
  readonly may?: readonly Right[];
}

/** Marks a token as one of ours, for people and for scanners of leaked secrets. */
const tokenShape = /^pf_([0-9a-f]{12})_[\w-]{43}$/;

/**
 * Makes a key.
 *
 * @returns the token, which is to be shown once, and what to keep.
 */
export function makeKey(
  facts: Pick<StoredKey, 'name' | 'createdS' | 'expiresS' | 'limits' | 'may'>,
): {
  token: string;
  stored: StoredKey;
} {
  const id = randomBytes(6).toString('hex');
  const token = `pf_${id}_${randomBytes(32).toString('base64url')}`;
  const salt = randomBytes(16).toString('hex');
  return { token, stored: { id, ...facts, salt, digest: digestOf(salt, token).toString('hex') } };
}

const digestOf = (salt: string, token: string): Buffer =>
  createHmac('sha256', Buffer.from(salt, 'hex')).update(token).digest();

/** The id that a text names as a token; null where it is no token at all. */
export const idOfToken = (text: string): string | null => tokenShape.exec(text)?.[1] ?? null;

/**
 * Compared with where no key has the id, so that an unknown id does the work of a wrong secret (it
 * was measured 2 µs faster; ids are not secret).
 */
const noKey = { salt: '0'.repeat(32), digest: '0'.repeat(64) };

/**
 * Whether a text is the token of a key. Takes as long where it is not.
 *
 * @param stored undefined: of no key.
 */
export function isTokenOf(stored: StoredKey | undefined, text: string): boolean {
  const { salt, digest } = stored ?? noKey;
  const isSame = timingSafeEqual(digestOf(salt, text), Buffer.from(digest, 'hex'));
  return isSame && stored !== undefined;
}
