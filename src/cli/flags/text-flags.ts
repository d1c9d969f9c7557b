// Defines the flags of every command that writes a text: prompt, end of the text, display.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { PilotfishError } from '../../base/error.js';
import type { OutputFormat } from '../../grammar/output-format.js';
import { topLogprobsMax } from '../../math/logprobs.js';
import { addFlags, flag, jsonFlag, usageError, wholeNumber } from './flags.js';

export interface TextOptions {
  readonly file?: string;
  readonly stop: readonly string[];
  readonly showDraft?: boolean;
  readonly stats: boolean;
  readonly json?: boolean;
  readonly format?: string;
  readonly logprobs?: number;
}

/** Adds the prompt and the flags. @param marks the tokens that --show-draft marks. */
export function addTextFlags(command: Command, marks: string): Command {
  return addFlags(command.argument('[prompt]', 'beginning of the text'), [
    flag('-f, --file <path>', 'read the prompt from a file; - is stdin'),
    stopFlag(),
    flag(
      '--format <json|file>',
      'write a JSON object: any, or one that fits the JSON Schema in a file',
    ),
    flag(
      '--logprobs <n>',
      'with --json: log-probabilities of each token and of the n likeliest',
      wholeNumber(0, topLogprobsMax),
    ),
    flag('--show-draft', `mark every token: ${marks}`),
    flag('--no-stats', 'leave out the closing lines with numbers'),
    jsonFlag(),
  ]);
}

/** `--stop`, repeatable. */
export function stopFlag() {
  const option = flag('--stop <text>', 'end before this text; repeatable');
  option.default([], 'none');
  return option.argParser((text: string, before: readonly string[]) => {
    if (text === '') throw usageError('--stop takes a text that is not empty');
    return [...before, text];
  });
}

/** @throws PilotfishError `usage` for an unreadable file, `format-invalid` without JSON. */
export function formatOf({ format }: TextOptions): OutputFormat | null {
  if (format === undefined) return null;
  if (format === 'json') return { kind: 'json-object' };
  const text = readSchema(format);
  try {
    return { kind: 'json-schema', schema: JSON.parse(text) };
  } catch (cause) {
    throw new PilotfishError('format-invalid', `${format} does not hold JSON`, { cause });
  }
}

function readSchema(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw usageError(`--format: ${path} cannot be read`, { cause });
  }
}

/** @throws PilotfishError `usage` for --logprobs without --json. */
export function checkLogprobs({ logprobs, json }: TextOptions): void {
  if (logprobs === undefined || json === true) return;
  throw usageError('--logprobs needs --json');
}
