// Runs a set of commands as one program: help, parsing, and an exit code for every outcome. The
// caller ends the process and owns its streams.

import { Command, CommanderError } from 'commander';
import { printFailure, sentenceOf } from './failure.js';
import { settleSwitches, usageError } from './flags/flags.js';
import { packageVersion } from './package-root.js';
import { colourWanted, type Exit, painter, type Terminal } from './screen/terminal.js';

/** Adds the commands of a file to a program. */
export type AddCommands = (program: Command, terminal: Terminal, exit: Exit) => void;

/** A program: its name and its commands. */
export interface CommandSet {
  /** As a user types it. */
  readonly name: string;
  readonly description: string;
  /** Loads commands by their names, in the order of the help. */
  readonly commands: { readonly [name: string]: () => Promise<AddCommands> };
}

const closing = `
Every flag can be set by its environment variable; the command line wins.
An empty variable counts as not set.
PILOTFISH_DEBUG=1 adds a stack trace to errors. NO_COLOR=1 turns colour off.

Exit codes:
  0    done; for serve, device, top and demo --keep also after Ctrl-C
  1    failed: output not written, a check of doctor or conformance, a bug in pilotfish
  2    wrong usage: an invalid flag, prompt or value
  3    model or engine: not found, unusable, too large, vocabularies differ
  4    network: no server, server lost or refusing, no address, failed download
  130  stopped with Ctrl-C before the end`;

/** @param args without node and script. @returns the exit code. */
export async function runCommandSet(
  set: CommandSet,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  let code = 0;
  const exit: Exit = (exitCode) => {
    code = exitCode;
  };
  // The others would take longer to load than this one, but every name stands in the help.
  const only =
    args[0] !== undefined && Object.hasOwn(set.commands, args[0]) ? [args[0]] : undefined;
  const program = await createProgram(set, terminal, exit, only);
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (reason) {
    if (reason instanceof CommanderError && isHelp(reason)) return reason.exitCode === 0 ? 0 : 2;
    return printFailure(withNames(reason, commandAt(program, args)), terminal);
  }
}

/** Whether help or version was printed already. */
const isHelp = ({ code }: CommanderError): boolean =>
  ['commander.helpDisplayed', 'commander.help', 'commander.version'].includes(code);

/** The command that the first words name. */
function commandAt(program: Command, args: readonly string[]): Command {
  const [name, ...rest] = args;
  const command = program.commands.find((one) => one.name() === name);
  return command === undefined ? program : commandAt(command, rest);
}

/** Adds the list of commands to an error about an unknown one, or about a surplus argument. */
function withNames(reason: unknown, command: Command): unknown {
  if (!(reason instanceof CommanderError) || command.commands.length === 0) return reason;
  const isUnknown = reason.code === 'commander.unknownCommand';
  if (!isUnknown && reason.code !== 'commander.excessArguments') return reason;
  return unknownCommand(command, isUnknown ? null : command.args[0]!, reason);
}

function unknownCommand(parent: Command, word: string | null, reason?: CommanderError): Error {
  const problem = word === null ? sentenceOf(reason!.message) : `unknown command '${word}'`;
  const names = parent.commands.map((command) => command.name()).join(', ');
  const of = parent.parent === null ? '' : ` of ${parent.name()}`;
  return usageError(`${problem}; commands${of} are ${names}`);
}

/** Adds `help` and `help models pull`: commander has one level and ignores unknown names. */
function addHelp(program: Command): void {
  for (const command of program.commands) command.helpCommand(false);
  program
    .helpCommand(false)
    .command('help')
    .summary('print help for a command')
    .description('Prints the help of a command, or of the program.')
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

/**
 * Builds the commander program of a set.
 *
 * @param names of the commands to add; all by default.
 */
export async function createProgram(
  set: CommandSet,
  terminal: Terminal,
  exit: Exit,
  names: readonly string[] = Object.keys(set.commands),
): Promise<Command> {
  const adders = await Promise.all(names.map((name) => set.commands[name]!()));
  const program = new Command(set.name)
    .description(set.description)
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText('after', closing)
    .hook('preAction', (_program, command) => settleSwitches(command, terminal.env));
  styleOutput(program, terminal);
  for (const add of adders) add(program, terminal, exit);
  addHelp(program);
  return program;
}

/** Sends commander's output through the terminal. Its errors are printed by failure.ts instead. */
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
