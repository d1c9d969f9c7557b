// Writes docs/configuration.md from the command definitions: every command and flag with unit,
// default and environment name. tools/configuration.mjs writes the page and a test compares it; it
// is not part of the command.

import type { Command, Option } from 'commander';
import { createProgram } from './command-line.js';
import { pilotfish } from './program.js';
import type { Terminal } from './screen/terminal.js';

/** A terminal without output. */
export const noTerminal: Terminal = {
  out: { write: () => true },
  err: { write: () => true },
  env: {},
  signal: new AbortController().signal,
};

/** Commands with an action, in the order of the help, `models pull` included. */
export function leafCommands(program: Command): Command[] {
  return program.commands.flatMap((command) =>
    // `models` has an action and a subcommand.
    [...(actsItself(command) ? [command] : []), ...leafCommands(command)],
  );
}

const actsItself = (command: Command): boolean =>
  command.commands.length === 0 || command.name() === 'models';

/** The words of a command, without the program's name. */
export function commandWords(command: Command): string[] {
  return command.parent === null ? [] : [...commandWords(command.parent), command.name()];
}

const head = `# Configuration

Every flag of every command. \`node tools/configuration.mjs\` makes this page from the command definitions; do not edit it.

The command line wins over the environment, and the environment over the default. An empty environment value counts as not
set. Switches take 1, true, on, yes, enabled or 0, false, off, no, disabled from the environment. A repeatable flag has one
value in the environment, except that \`PILOTFISH_LOGIT_BIAS\` takes a list with commas. There is no configuration file: a
service manager sets the environment, as the units in [packaging/systemd](../packaging/systemd) do.

Environment variables without a flag:

| name | meaning |
|---|---|
| \`PILOTFISH_KEY\` | the key that a device sends to its server; \`--key-file\` wins over it |
| \`PILOTFISH_DEBUG\` | 1 adds a stack trace to errors |
| \`PILOTFISH_LLAMA_LOG\` | 1 lets llama.cpp write its log to stderr |
| \`LLAMA_LIB_DIR\` | folder of your own llama.cpp build, of the version that \`pilotfish doctor\` names |
| \`NO_COLOR\`, \`FORCE_COLOR\`, \`TERM\` | colour off, colour on, and \`dumb\` for a terminal without a movable cursor |
| \`XDG_CONFIG_HOME\`, \`HOME\` | where the key file is without \`--keys\`: \`pilotfish/keys.json\` in the first, or in \`.config\` of the second |
| \`HF_HOME\`, \`HF_HUB_CACHE\`, \`XDG_CACHE_HOME\` | where the model cache is, as for the tools of Hugging Face; \`pilotfish/probed\` in the last remembers which models have been checked |
| \`LLAMA_CACHE\` | llama.cpp's cache, whose models are listed too |
| \`HF_TOKEN\`, \`HF_TOKEN_PATH\` | token for downloads, and the file it is kept in |
| \`HF_ENDPOINT\`, \`HF_HUB_OFFLINE\` | another hub, and 1 to stay offline |
| \`NODE_USE_ENV_PROXY\`, \`HTTPS_PROXY\` | read by Node: 1 makes downloads use the proxy |
`;

/** The whole page, with a final line break. */
export async function configurationPage(): Promise<string> {
  const program = await createProgram(pilotfish, noTerminal, () => undefined);
  const sections = leafCommands(program)
    .filter((command) => command.name() !== 'help')
    .map(sectionOf);
  return `${[head, ...sections].join('\n')}`;
}

function sectionOf(command: Command): string {
  const title = `## \`pilotfish ${commandWords(command).join(' ')}\`\n\n${sentence(command.summary())}`;
  const rows = command.options.filter(({ hidden }) => !hidden).map(rowOf);
  if (rows.length === 0) return `${title} No flags.\n`;
  const table = [['flag', 'unit', 'default', 'environment', 'meaning'], ...rows].map(line);
  return `${title}\n\n${[table[0], '|---|---|---|---|---|', ...table.slice(1)].join('\n')}\n`;
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

function rowOf(option: Option): string[] {
  const { flags, description, envVar } = option;
  const meaning = description.replaceAll('|', '\\|');
  return [code(flags), unitOf(option), defaultOf(option), envVar ? code(envVar) : '', meaning];
}

/** The unit at the end of a name, or in the name of the value. */
function unitOf({ flags, long }: Option): string {
  if (/<ms>|\[ms\]/.test(flags)) return 'ms';
  if (/-seconds$/.test(long!)) return 's';
  if (/-mib$/.test(long!)) return 'MiB';
  if (/-tokens$|-size$|-length$|^--window$/.test(long!)) return 'tokens';
  return '';
}

function defaultOf(option: Option): string {
  if (option.mandatory) return 'required';
  if (option.negate || option.isBoolean()) return 'off';
  const { defaultValue, defaultValueDescription } = option;
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  return defaultValue === undefined ? '' : code(String(defaultValue));
}
