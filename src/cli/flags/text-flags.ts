// The flags of every command that writes a text: where the prompt comes from, where the text ends, how it is shown.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { PilotfishError } from '../../base/error.js';
import type { OutputFormat } from '../../grammar/output-format.js';
import { topLogprobsMax } from '../../math/logprobs.js';
import { flag, jsonFlag, wholeNumber } from './flags.js';

export interface TextOptions {
  readonly file?: string;
  readonly stop: readonly string[];
  readonly showDraft?: boolean;
  readonly stats: boolean;
  readonly json?: boolean;
  readonly format?: string;
  readonly logprobs?: number;
}

/** Adds the prompt and the flags. @param marks what --show-draft tells apart. */
export function addTextFlags(command: Command, marks: string): Command {
  return command
    .argument('[prompt]', 'what the text begins with')
    .addOption(flag('-f, --file <path>', 'read the prompt from a file; - is what is piped in'))
    .addOption(stopFlag())
    .addOption(formatFlag())
    .addOption(logprobsFlag())
    .addOption(flag('--show-draft', `mark every token: ${marks}`))
    .addOption(flag('--no-stats', 'leave out the closing lines of numbers'))
    .addOption(jsonFlag());
}

/** `--stop`, as often as wanted. */
export function stopFlag() {
  const option = flag('--stop <text>', 'end before this text; may be given again');
  option.default([], 'none');
  return option.argParser((text: string, before: readonly string[]) => {
    if (text === '') throw new PilotfishError('usage', '--stop takes a text, not an empty one');
    return [...before, text];
  });
}

function formatFlag() {
  return flag(
    '--format <json|file>',
    'write any JSON object, or what the JSON Schema in a file accepts',
  );
}

function logprobsFlag() {
  return flag(
    '--logprobs <n>',
    "with --json: each token's log-probability and those of the n likeliest",
    wholeNumber('--logprobs', 0, topLogprobsMax),
  );
}

/**
 * The format that `--format` asks for.
 *
 * @throws PilotfishError `usage` for a file that cannot be read, `format-invalid` for one that is not JSON.
 */
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
    throw new PilotfishError('usage', `--format: ${path} cannot be read`, { cause });
  }
}

/** @throws PilotfishError `usage` where nobody would see the log-probabilities. */
export function checkLogprobs({ logprobs, json }: TextOptions): void {
  if (logprobs === undefined || json === true) return;
  throw new PilotfishError('usage', '--logprobs needs --json');
}
