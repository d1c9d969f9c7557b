// Builds command line flags in llama.cpp's style, each with an environment variable and a checked
// value. model-flags.ts, draft-flags.ts and sampling-flags.ts define the flags that commands share.

import { type Command, Option } from 'commander';
import { PilotfishError } from '../../base/error.js';
import type { Environment } from '../screen/terminal.js';

/** Reads a value. @param name of the flag, for errors. @throws PilotfishError `usage`. */
export type Parse<T> = (text: string, name: string) => T;

export const usageError = (message: string, options?: { cause: unknown }): PilotfishError =>
  new PilotfishError('usage', message, options);

/**
 * A flag with its environment variable, PILOTFISH_ and the long name.
 * @param spec `-ngl, --gpu-layers <n>`. Commander refuses to declare short names of several
 *   letters, but finds them once they are set.
 */
export function flag(spec: string, description: string, parse?: Parse<unknown>): Option {
  const [, short, long] = /^(?:(-\w+), )?(--.+)$/.exec(spec)!;
  const option = new Option(long!, description);
  if (short !== undefined) option.short = short;
  option.flags = spec;
  option.env(`PILOTFISH_${option.long!.slice(2).toUpperCase().replaceAll('-', '_')}`);
  if (parse) option.argParser((value: string) => parse(value, option.long!));
  return option;
}

export function addFlags(command: Command, flags: readonly Option[]): Command {
  for (const option of flags) command.addOption(option);
  return command;
}

/** Adds flags under one heading of the help. */
export const addGroup = (command: Command, heading: string, flags: readonly Option[]): Command =>
  addFlags(
    command,
    flags.map((option) => option.helpGroup(`${heading}:`)),
  );

/** `--json`, the same for every command with results. */
export const jsonFlag = (): Option => flag('--json', 'print one JSON document instead of text');

/** Parses a whole number in [low, high]. */
export function wholeNumber(low: number, high: number): Parse<number> {
  return (text, name) => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) {
      throw usageError(`${name} takes a whole number in [${low}, ${high}], not '${text}'`);
    }
    return value;
  };
}

/** Largest seed of a simulation or a measurement. */
export const chanceSeedMax = 2 ** 31 - 1;

/** `--seed` of a simulation or a measurement; default 1. */
export const chanceSeedFlag = (description = 'seed of all random choices'): Option =>
  flag('--seed <n>', description, wholeNumber(0, chanceSeedMax)).default(1);

/** Parses a decimal number. checkSampling checks the range. */
export const decimal: Parse<number> = (text, name) => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw usageError(`${name} takes a number, not '${text}'`);
  return value;
};

/** Parses a decimal number in [low, high]. */
export function decimalIn(low: number, high: number): Parse<number> {
  return (text, name) => {
    const value = decimal(text, name);
    if (value >= low && value <= high) return value;
    throw usageError(`${name} takes a number in [${low}, ${high}], not ${value}`);
  };
}

/** Parses one of a few names. */
export function oneOfNames<const T extends string>(choices: readonly T[]): Parse<T> {
  return (text, name) => {
    const found = choices.find((word) => word === text.toLowerCase());
    if (found === undefined) throw usageError(`${name} takes ${choices.join(', ')}, not '${text}'`);
    return found;
  };
}

const trueWords = ['1', 'true', 'on', 'yes', 'enabled'];
const falseWords = ['', '0', 'false', 'off', 'no', 'disabled'];

/** A switch from the environment, in llama.cpp's words. */
export function switchValue(name: string, text: string): boolean {
  const word = text.trim().toLowerCase();
  if (trueWords.includes(word)) return true;
  if (falseWords.includes(word)) return false;
  throw usageError(
    `${name} takes ${trueWords.join(', ')} or ${falseWords.slice(1).join(', ')}, not '${text}'`,
  );
}

/** Reads switches from the environment again before an action: commander takes even `0` for yes. */
export function settleSwitches(command: Command, env: Environment): void {
  for (const option of command.options) {
    const name = option.attributeName();
    const isSwitch = option.isBoolean() || option.negate;
    if (!isSwitch || command.getOptionValueSource(name) !== 'env') continue;
    const isOn = switchValue(option.envVar!, env[option.envVar!] ?? '');
    command.setOptionValueWithSource(name, isOn !== option.negate, 'env');
  }
}
