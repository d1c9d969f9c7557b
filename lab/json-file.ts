// Reads files of numbers that a benchmark wrote: they may be anybody's by then. Tells what is wrong
// with a file by its name.

import { z } from 'zod';
import { PilotfishError } from '../src/base/error.js';

/** So that a rerun of the same numbers is the same text. @param digits that count, in [1, 100]. */
export const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits));

/** @param name of the file. @param what it should be. */
export const refused = (name: string, what: string, why: string): PilotfishError =>
  new PilotfishError('usage', `${name} is no ${what}: ${why}`);

/** @param what cannot be done where it fails. @throws PilotfishError `usage`, with the code. */
export function withPath<Result>(path: string, what: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new PilotfishError('usage', `${path} cannot be ${what} (${code})`, { cause });
  }
}

/** @param name of the file. @param what it should be. @throws PilotfishError `usage`. */
export function parsedAs<Form extends z.ZodType>(
  form: Form,
  text: string,
  name: string,
  what: string,
): z.output<Form> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (reason) {
    throw refused(name, what, (reason as Error).message);
  }
  const read = form.safeParse(value);
  if (!read.success) throw refused(name, what, z.prettifyError(read.error));
  return read.data;
}
