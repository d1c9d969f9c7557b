// Reads and writes the file of keys: hashes, names, limits. A file with one wrong entry is refused
// as a whole, because half a list of valid keys is worse than none.

import { readFileSync, statSync } from 'node:fs';
import { PilotfishError } from '../base/error.js';
import { type KeyLimits, rights, unlimited } from '../base/key-grant.js';
import type { StoredKey } from './device-key.js';

/** More keys than any fleet that one server can hold; bounds what a wrong file costs. */
export const keysMax = 100_000;
const fileBytesMax = 64 * 2 ** 20;
/** A name is shown in one line of a table. */
export const keyNameShape = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u;

/**
 * Reads a key file.
 *
 * @returns the keys in the file's order.
 * @throws PilotfishError `usage` where the file cannot be read, others may write it, or its content
 *   is none of ours. Never quotes the content.
 */
export function readKeyFile(path: string): StoredKey[] {
  const refuse = (why: string, cause?: unknown): PilotfishError =>
    new PilotfishError('usage', `the key file ${path} ${why}`, { cause });
  let text: string;
  try {
    const { mode, size } = statSync(path);
    // Write access to this file decides who may speak.
    if ((mode & 0o022) !== 0) throw refuse(`may be written by others; run chmod 600 ${path}`);
    if (size > fileBytesMax) throw refuse(`has more than ${fileBytesMax} bytes`);
    text = readFileSync(path, 'utf8');
  } catch (reason) {
    if (reason instanceof PilotfishError) throw reason;
    const { code } = reason as NodeJS.ErrnoException;
    throw refuse(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, reason);
  }
  const fault = faultOf(text);
  if (typeof fault === 'string') throw refuse(fault);
  return fault;
}

/** The text of a file with these keys. */
export const keyFileText = (keys: readonly StoredKey[]): string =>
  `${JSON.stringify({ version: 1, keys }, null, 2)}\n`;

/** The keys, or what is wrong. */
function faultOf(text: string): StoredKey[] | string {
  let content: { version?: unknown; keys?: unknown };
  try {
    content = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  if (content?.version !== 1 || !Array.isArray(content.keys))
    return 'is not a key file of version 1';
  if (content.keys.length > keysMax) return `has more than ${keysMax} keys`;
  const [ids, names] = [new Set<string>(), new Set<string>()];
  for (const [index, entry] of content.keys.entries()) {
    const fault = entryFault(entry);
    if (fault !== null) return `has no valid ${fault} in entry ${index}`;
    const { id, name } = entry as StoredKey;
    if (ids.has(id) || names.has(name)) return `has two keys like entry ${index}`;
    ids.add(id);
    names.add(name);
  }
  return content.keys as StoredKey[];
}

const isHex = (value: unknown, digits: number): boolean =>
  typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const fieldChecks: Readonly<Record<keyof StoredKey, (value: unknown) => boolean>> = {
  id: (value) => isHex(value, 12),
  name: (value) => typeof value === 'string' && keyNameShape.test(value),
  salt: (value) => isHex(value, 32),
  digest: (value) => isHex(value, 64),
  createdS: isCount,
  expiresS: (value) => value === null || isCount(value),
  limits: (value) => {
    const limits = (value ?? {}) as Record<string, unknown>;
    return Object.keys(unlimited).every((name) => {
      const limit = limits[name] ?? null;
      // Files of before there was a limit of this name leave it open.
      return limit === null || (isCount(limit) && limit !== 0);
    });
  },
  may: (value) =>
    value === undefined || (Array.isArray(value) && value.every((right) => rights.includes(right))),
};

/** The first field that is not as it should be; null: all are. */
function entryFault(entry: unknown): string | null {
  if (typeof entry !== 'object' || entry === null) return 'key';
  const fields = entry as Record<string, unknown>;
  const wrong = Object.entries(fieldChecks).find(([name, isValid]) => !isValid(fields[name]));
  return wrong?.[0] ?? null;
}

/** Limits of which only some are given. */
export const limitsOf = (given: Partial<KeyLimits>): KeyLimits => ({ ...unlimited, ...given });
