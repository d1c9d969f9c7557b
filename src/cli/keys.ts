// Defines `pilotfish keys`: makes, lists and revokes keys for devices and HTTP clients. A key is
// printed once; the file keeps only its hash.

import type { Command } from 'commander';
import { keyNameShape, keysMax, limitsOf, makeKey, type StoredKey } from '../access/index.js';
import { type Right, rights } from '../base/key-grant.js';
import { addFlags, addGroup, flag, jsonFlag, usageError, wholeNumber } from './flags/flags.js';
import { givenLimits, limitFlags, limitsText } from './flags/limit-flags.js';
import { defaultKeysPath } from './flags/listen-flags.js';
import { changeKeys, keysOf } from './keys-change.js';
import { formatTable } from './screen/table.js';
import { colourWanted, painter, printJson, type Terminal } from './screen/terminal.js';

const description = `Makes, lists and revokes keys for devices and HTTP clients of a server that runs with --keys.

  (umask 077; pilotfish keys create pi-kitchen > pi-kitchen.key)
  pilotfish keys list
  pilotfish keys revoke pi-kitchen

Give each device its own key. A device takes its key from a file (--key-file) or the environment (PILOTFISH_KEY), never from the command line. A running server reads changes of the file within a second, and ends connections whose key is revoked or has expired.`;

interface KeysOptions {
  readonly keys?: string;
  readonly expiresDays?: number;
  readonly may?: Right;
  readonly json?: boolean;
}

const daySeconds = 86_400;

export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .summary('make, list and revoke keys of devices')
    .description(description);
  const fileFlag = () => flag('--keys <file>', 'key file (default: ~/.config/pilotfish/keys.json)');
  const create = keys
    .command('create')
    .summary('make a key')
    .description('Makes a key and prints it once. The file keeps only its hash.')
    .argument('<name>', 'name of the key, such as the name of the device')
    .action((name: string, options: KeysOptions) => createKey(name, options, terminal));
  const expires = 'days until the key expires (default: never)';
  const may = 'extra right: stats may read /stats and /metrics (default: none)';
  addFlags(create, [
    fileFlag(),
    flag('--expires-days <n>', expires, wholeNumber(1, 36_500)),
    flag('--may <right>', may).choices(rights),
    jsonFlag(),
  ]);
  addGroup(create, 'Limits', limitFlags());
  const list = keys
    .command('list')
    .summary('list keys')
    .description('Lists the keys in the file: names, ids and times, no secrets.')
    .action((options: KeysOptions) => listKeys(options, terminal));
  addFlags(list, [fileFlag(), jsonFlag()]);
  const revoke = keys
    .command('revoke')
    .summary('revoke a key')
    .description('Removes a key. Running servers end its connections within a second.')
    .argument('<name>', 'name or id of the key')
    .action((name: string, options: KeysOptions) => revokeKey(name, options, terminal));
  addFlags(revoke, [fileFlag()]);
}

const pathOf = ({ keys }: KeysOptions, { env }: Terminal): string => keys ?? defaultKeysPath(env);
const now = (): number => Math.floor(Date.now() / 1000);

async function createKey(name: string, options: KeysOptions, terminal: Terminal): Promise<void> {
  if (!keyNameShape.test(name)) {
    throw usageError(
      'a key name has 1 to 64 letters, digits, spaces and . _ @ -, a letter or digit first',
    );
  }
  const path = pathOf(options, terminal);
  const createdS = now();
  const { expiresDays } = options;
  const expiresS = expiresDays === undefined ? null : createdS + expiresDays * daySeconds;
  const limits = limitsOf(givenLimits(options));
  const may = options.may === undefined ? [] : [options.may];
  const { token, stored } = makeKey({ name, createdS, expiresS, limits, may });
  await changeKeys(path, (keys) => {
    if (keys.some((key) => key.name === name)) {
      throw usageError(
        `there is a key '${name}' in ${path} already; revoke it, or choose another name`,
      );
    }
    if (keys.length >= keysMax)
      throw usageError(`${path} has ${keysMax} keys, the most it may have`);
    return [...keys, stored];
  });
  const { id } = stored;
  const document = { name, id, key: token, expires: dateOf(expiresS), file: path };
  if (options.json) printJson(terminal, document);
  else terminal.out.write(`${token}\n`);
  const until = expiresS === null ? '' : `, valid until ${dateOf(expiresS)}`;
  terminal.err.write(
    `Key '${name}' (id ${id}) is in ${path}${until}.\nIt is shown only now. Keep it in a file that only its device can read.\n`,
  );
}

/** A date and time in UTC, to the minute; null: never. */
const dateOf = (seconds: number | null): string | null =>
  seconds === null ? null : new Date(seconds * 1000).toISOString().replace(/:\d\d\.\d+Z$/, 'Z');

async function listKeys(options: KeysOptions, terminal: Terminal): Promise<void> {
  const path = pathOf(options, terminal);
  const keys = (await keysOf(path)).map(shown);
  if (options.json) {
    printJson(terminal, keys);
    return;
  }
  if (keys.length === 0) {
    terminal.err.write(
      `There are no keys in ${path}; make one with \`pilotfish keys create NAME\`.\n`,
    );
    return;
  }
  const paint = painter(colourWanted(terminal.out, terminal.env));
  const areLimited = keys.some(({ limits }) => limitsText(limits) !== '');
  const titles = ['NAME', 'ID', 'CREATED', 'MAY', ...(areLimited ? ['LIMITS'] : []), 'EXPIRES'];
  const head = titles.map((word) => paint('bold', word));
  const rows = keys.map(({ name, id, created, may, limits, expires, isValid }) => [
    ...[name, id, created!, may.join(' ') || '-'],
    ...(areLimited ? [limitsText(limits) || '-'] : []),
    isValid ? (expires ?? 'never') : paint('yellow', `${expires}, expired`),
  ]);
  terminal.out.write(`${formatTable([head, ...rows])}\n`);
}

/** The public part of a key. */
const shown = ({ name, id, createdS, expiresS, limits, may = [] }: StoredKey) => ({
  ...{ name, id, created: dateOf(createdS), may, limits, expires: dateOf(expiresS) },
  isValid: expiresS === null || now() < expiresS,
});

async function revokeKey(name: string, options: KeysOptions, terminal: Terminal): Promise<void> {
  const path = pathOf(options, terminal);
  await changeKeys(path, (keys) => {
    const left = keys.filter((key) => key.name !== name && key.id !== name);
    if (left.length < keys.length) return left;
    throw usageError(`there is no key '${name}' in ${path}; \`pilotfish keys list\` lists them`);
  });
  terminal.err.write(`Key '${name}' is revoked; running servers end its connections.\n`);
}
