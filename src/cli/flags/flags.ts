// Command line flags as users of llama.cpp know them, each with an environment name, each checked where it is read.
// Which flags there are is in model-flags.ts, draft-flags.ts and sampling-flags.ts, one vocabulary for all commands.

import { type Command, Option } from 'commander';
import { PilotfishError } from '../../base/error.js';
import type { Environment } from '../screen/terminal.js';

/**
 * A flag with its environment name, which is PILOTFISH_ and the long name.
 *
 * @param spec `-ngl, --gpu-layers <n>`. Short names may have several letters after one dash, as llama.cpp has them:
 *   commander refuses to declare those, but finds them once they are set.
 */
export function flag(
  spec: string,
  description: string,
  parse?: (value: string) => unknown,
): Option {
  const [, short, long] = /^(?:(-\w+), )?(--.+)$/.exec(spec)!;
  const option = new Option(long!, description);
  if (short !== undefined) option.short = short;
  option.flags = spec;
  option.env(environmentName(option));
  if (parse) option.argParser((value: string) => parse(value));
  return option;
}

function environmentName(option: Option): string {
  const name = option.long!.slice(2);
  return `PILOTFISH_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** `--json`, the same on every command that reads. */
export const jsonFlag = (): Option => flag('--json', 'print one JSON document instead of text');

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);

/** Parser of a whole number in [low, high]. */
export function wholeNumber(name: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) {
      throw usage(`${name} takes a whole number in [${low}, ${high}], not '${text}'`);
    }
    return value;
  };
}

/** Largest seed of a simulation or a measurement. */
export const chanceSeedMax = 2 ** 31 - 1;

/** `--seed` of a simulation or a measurement; default 1. */
export const chanceSeedFlag = (description = 'of everything that chance decides'): Option =>
  flag('--seed <n>', description, wholeNumber('--seed', 0, chanceSeedMax)).default(1);

/** Parser of a decimal number. Its range is checked with the whole law, by checkSampling. */
export function decimal(name: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) throw usage(`${name} takes a number, not '${text}'`);
    return value;
  };
}

/** Parser of one of a few words. */
export function oneOfNames<const T extends string>(
  name: string,
  choices: readonly T[],
): (text: string) => T {
  return (text) => {
    const found = choices.find((word) => word === text.toLowerCase());
    if (found === undefined) throw usage(`${name} takes ${choices.join(', ')}, not '${text}'`);
    return found;
  };
}

const trueWords = ['1', 'true', 'on', 'yes', 'enabled'];
const falseWords = ['', '0', 'false', 'off', 'no', 'disabled'];

/** A yes or no from the environment, in the words llama.cpp takes. */
export function switchValue(name: string, text: string): boolean {
  const word = text.trim().toLowerCase();
  if (trueWords.includes(word)) return true;
  if (falseWords.includes(word)) return false;
  throw usage(
    `${name} takes ${trueWords.join(', ')} or ${falseWords.slice(1).join(', ')}, not '${text}'`,
  );
}

/**
 * Reads switches that came from the environment again: commander takes any value of theirs, even `0`, for yes.
 * To be run before the command's action.
 */
export function settleSwitches(command: Command, env: Environment): void {
  for (const option of command.options) {
    const name = option.attributeName();
    const isSwitch = option.isBoolean() || option.negate;
    if (!isSwitch || command.getOptionValueSource(name) !== 'env') continue;
    const isOn = switchValue(option.envVar!, env[option.envVar!] ?? '');
    command.setOptionValueWithSource(name, isOn !== option.negate, 'env');
  }
}
