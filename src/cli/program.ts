// The command line as a whole: commands, help, and the way from arguments to an exit code.
// Never ends the process and never touches its streams: main.ts does.

import { Command, CommanderError } from 'commander';
import { PilotfishError } from '../base/error.js';
import { addBench } from './bench.js';
import { addDemo } from './demo.js';
import { addDevice } from './device.js';
import { addDoctor } from './doctor.js';
import { printFailure, sentenceOf } from './failure.js';
import { settleSwitches } from './flags.js';
import { addGenerate } from './generate.js';
import { addModels } from './models.js';
import { packageVersion } from './package-root.js';
import { addRun } from './run.js';
import { addServe } from './serve.js';
import { colourWanted, painter, type Terminal } from './terminal.js';
import { addTop } from './top.js';

const closing = `
Every flag can be set by its environment name; the command line wins.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 model or engine, 4 link or download, 130 stopped with Ctrl-C.
PILOTFISH_DEBUG=1 adds a stack trace to errors; NO_COLOR=1 turns colour off.`;

/**
 * Runs one command line.
 *
 * @param args without node and script.
 * @returns the exit code.
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0;
  const program = createProgram(terminal, (exitCode) => {
    code = exitCode;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (reason) {
    if (reason instanceof CommanderError && isHelp(reason)) return reason.exitCode === 0 ? 0 : 2;
    return printFailure(withNames(reason, program), terminal);
  }
}

/** Help and version were asked for, or no command was given: all is printed already. */
const isHelp = ({ code }: CommanderError): boolean =>
  ['commander.helpDisplayed', 'commander.help', 'commander.version'].includes(code);

/** Commander calls a word that is no command a surplus argument; what a user needs is the list of commands. */
function withNames(reason: unknown, program: Command): unknown {
  if (!(reason instanceof CommanderError) || reason.code !== 'commander.unknownCommand')
    return reason;
  const names = program.commands.map((command) => command.name()).join(', ');
  return new PilotfishError('usage', `${sentenceOf(reason.message)}; commands are ${names}`);
}

export function createProgram(terminal: Terminal, exit: (code: number) => void): Command {
  const program = new Command('pilotfish')
    .description(
      'Speculative decoding with a draft model beside a target model, exact to the last token.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText('after', closing)
    .hook('preAction', (_program, command) => settleSwitches(command, terminal.env));
  styleOutput(program, terminal);
  addDemo(program, terminal, exit);
  addGenerate(program, terminal, exit);
  addServe(program, terminal, exit);
  addRun(program, terminal, exit);
  addDevice(program, terminal, exit);
  addTop(program, terminal);
  addModels(program, terminal);
  addDoctor(program, terminal, exit);
  addBench(program, terminal);
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
