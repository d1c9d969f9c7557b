// Runs a set of commands as one program: help, parsing, and an exit code for every outcome.
// Never ends the process and never touches its streams: the entry file does.

import { Command, CommanderError } from 'commander';
import { PilotfishError } from '../base/error.js';
import { printFailure, sentenceOf } from './failure.js';
import { settleSwitches } from './flags/flags.js';
import { packageVersion } from './package-root.js';
import { colourWanted, painter, type Terminal } from './screen/terminal.js';

/** A program: its name and the commands that it is made of. */
export interface CommandSet {
  /** As a user types it. */
  readonly name: string;
  readonly description: string;
  /** Adds every command. @param exit sets the exit code of a command that ends without an error. */
  add(program: Command, terminal: Terminal, exit: (code: number) => void): void;
}

const closing = `
Every flag can be set by its environment name, where an empty value counts as none; the command line wins.
PILOTFISH_DEBUG=1 adds a stack trace to errors; NO_COLOR=1 turns colour off.

Exit codes:
  0    done; for serve, device, top and demo --keep also: stopped with Ctrl-C
  1    failed: output that cannot be written, a check of doctor, a mistake in pilotfish
  2    wrong usage: a flag, a prompt, a value out of range
  3    model or engine: not found, not usable, too large, vocabularies that differ
  4    link: no server, a server that stays away or refuses, an address that cannot be had, a download
  130  stopped with Ctrl-C before it was done`;

/**
 * Runs one command line.
 *
 * @param args without node and script.
 * @returns the exit code.
 */
export async function runCommandSet(
  set: CommandSet,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  let code = 0;
  const program = createProgram(set, terminal, (exitCode) => {
    code = exitCode;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (reason) {
    if (reason instanceof CommanderError && isHelp(reason)) return reason.exitCode === 0 ? 0 : 2;
    return printFailure(withNames(reason, commandAt(program, args)), terminal);
  }
}

/** Help and version were asked for, or no command was given: all is printed already. */
const isHelp = ({ code }: CommanderError): boolean =>
  ['commander.helpDisplayed', 'commander.help', 'commander.version'].includes(code);

/** The command that the first words name. */
function commandAt(program: Command, args: readonly string[]): Command {
  const [name, ...rest] = args;
  const command = program.commands.find((one) => one.name() === name);
  return command === undefined ? program : commandAt(command, rest);
}

/** A word that is no command is at times called a surplus argument; what a user needs is the list of commands. */
function withNames(reason: unknown, command: Command): unknown {
  if (!(reason instanceof CommanderError) || command.commands.length === 0) return reason;
  const isUnknown = reason.code === 'commander.unknownCommand';
  if (!isUnknown && reason.code !== 'commander.excessArguments') return reason;
  return unknownCommand(command, isUnknown ? null : command.args[0]!, reason);
}

function unknownCommand(parent: Command, word: string | null, reason?: CommanderError): Error {
  const said = word === null ? sentenceOf(reason!.message) : `unknown command '${word}'`;
  const names = parent.commands.map((command) => command.name()).join(', ');
  const of = parent.parent === null ? '' : ` of ${parent.name()}`;
  return new PilotfishError('usage', `${said}; commands${of} are ${names}`);
}

/** `help`, and `help models pull`: commander's own knows one level and is silent about a word it does not know. */
function addHelp(program: Command): void {
  for (const command of program.commands) command.helpCommand(false);
  program
    .helpCommand(false)
    .command('help')
    .summary('print help for a command')
    .description('Prints the help of a command, or of all.')
    .argument('[command...]', 'such as: models pull')
    .action((words: readonly string[]) => {
      let command = program;
      for (const word of words) {
        const next = command.commands.find((one) => one.name() === word);
        if (next === undefined) throw unknownCommand(command, word);
        command = next;
      }
      command.help();
    });
}

/** Builds the commander program of a set. */
export function createProgram(
  set: CommandSet,
  terminal: Terminal,
  exit: (code: number) => void,
): Command {
  const program = new Command(set.name)
    .description(set.description)
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText('after', closing)
    .hook('preAction', (_program, command) => settleSwitches(command, terminal.env));
  styleOutput(program, terminal);
  set.add(program, terminal, exit);
  addHelp(program);
  return program;
}

/** Sends all of commander's output through the terminal; its errors are printed by failure.ts instead. */
function styleOutput(program: Command, { out, err, env }: Terminal): void {
  const colour = colourWanted(out, env);
  const paint = painter(colour);
  program.configureOutput({
    writeOut: (text) => out.write(text),
    writeErr: (text) => err.write(text),
    outputError: () => undefined,
    getOutHelpWidth: () => Math.min(out.columns ?? 100, 100),
    getErrHelpWidth: () => Math.min(err.columns ?? 100, 100),
    getOutHasColors: () => colour,
    getErrHasColors: () => colourWanted(err, env),
  });
  program.configureHelp({
    styleTitle: (text) => paint('bold', text),
    styleOptionTerm: (text) => paint('cyan', text),
    styleSubcommandTerm: (text) => paint('cyan', text),
    styleArgumentTerm: (text) => paint('cyan', text),
    showGlobalOptions: false,
  });
}
