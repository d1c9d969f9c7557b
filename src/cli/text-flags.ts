// The flags of every command that writes a text: where the prompt comes from, where the text ends, how it is shown.

import type { Command } from 'commander';
import { PilotfishError } from '../base/error.js';
import { flag, jsonFlag } from './flags.js';

export interface TextOptions {
  readonly file?: string;
  readonly stop: readonly string[];
  readonly showDraft?: boolean;
  readonly stats: boolean;
  readonly json?: boolean;
}

/** Adds the prompt and the flags. @param marks what --show-draft tells apart. */
export function addTextFlags(command: Command, marks: string): Command {
  return command
    .argument('[prompt]', 'what the text begins with')
    .addOption(flag('-f, --file <path>', 'read the prompt from a file; - is what is piped in'))
    .addOption(stopFlag())
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
