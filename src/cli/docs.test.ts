// Checks that the pages are right: links lead somewhere, commands and flags exist, the
// configuration page is current.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from './command-line.js';
import {
  commandWords,
  configurationPage,
  leafCommands,
  noTerminal,
} from './configuration-page.suite.js';
import { packageRoot } from './package-root.js';
import { pilotfish } from './program.js';

const folder = (path: string, end: string): string[] =>
  readdirSync(join(packageRoot, path))
    .filter((name) => name.endsWith(end))
    .map((name) => `${path}/${name}`);

const pages = [
  ...folder('.', '.md'),
  ...folder('docs', '.md'),
  'models/README.md',
  'training/README.md',
  'examples/python/README.md',
  ...['lab', 'lab/decisions', 'lab/tables'].flatMap((path) => folder(path, '.md')),
];
const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');

/** The anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchors = (path: string): string[] =>
  [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));

test('every relative link leads to a file, and to a heading where it names one', () => {
  let count = 0;
  for (const page of pages) {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      assert.ok(existsSync(join(packageRoot, file)), `${page}: there is no ${target}`);
      if (anchor !== undefined) {
        assert.ok(anchors(file).includes(anchor), `${page}: ${target} has no such heading`);
      }
      count++;
    }
  }
  assert.ok(count > 20, `only ${count} links`);
});

/** Pages that name files of the source; the others name files of their readers too. */
const naming = [
  'ARCHITECTURE.md',
  'MATH.md',
  'PROTOCOL.md',
  'docs/threat-model.md',
  'docs/exposing.md',
];

test('every source file that the pages name is there', () => {
  const below = (path: string): string[] =>
    readdirSync(join(packageRoot, path), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${path}/${name}`,
    );
  const paths = [
    ...readdirSync(packageRoot),
    ...['src', 'lab', 'tools', 'docs', 'vectors'].flatMap(below),
  ];
  let count = 0;
  for (const page of naming) {
    for (const [, name = ''] of read(page).matchAll(/`([\w./-]+\.(?:ts|mjs|json|md))`/g)) {
      assert.ok(
        paths.some((path) => path === name || path.endsWith(`/${name}`)),
        `${page}: there is no ${name}`,
      );
      count++;
    }
  }
  assert.ok(count > 120, `only ${count} files`);
});

test('the configuration reference is what the commands say', async () => {
  const remedy = 'run `npm run build && node tools/configuration.mjs`';
  assert.equal(read('docs/configuration.md'), await configurationPage(), remedy);
});

/** The program with actions that do nothing, so that only parsing decides. */
async function harmlessProgram(): Promise<{ program: Command; reached: () => string | null }> {
  let reached: string | null = null;
  const program = await createProgram(pilotfish, noTerminal, () => undefined);
  for (const command of leafCommands(program)) {
    // A unit sets it in its environment file, and prose names a command without it.
    for (const option of command.options) option.mandatory = false;
    command.action(() => {
      reached = commandWords(command).join(' ');
    });
  }
  return { program, reached: () => reached };
}

/** Words of a shell line up to a pipe, a redirection, a semicolon or a comment. */
function shellWords(line: string): string[] {
  const words: string[] = [];
  for (const [part] of line.matchAll(/(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+/g)) {
    if (/^([|&;#<>]|2>)/.test(part)) break;
    words.push(part.replace(/;$/, '').replace(/'([^']*)'|"([^"]*)"|\\(.)/g, '$1$2$3'));
    if (part.endsWith(';')) break;
  }
  return words;
}

/** Lines that begin with the command, after an optional prompt, launcher or sudo. */
const inBlocks = /^(?:\$ )?(?:sudo (?:[A-Z_]+=\S+ )*)?(?:\.\/|npx )?(pilotfish .*)$/gm;
const behindPipes = /\| (?:\.\/)?(pilotfish .*)$/gm;
const inProse = /`(?:\.\/)?(pilotfish [^`]*)`/g;
/** A placeholder: `pilotfish help <command>`, `--devices N`. */
const placeholder = /<|\.\.\.| [A-Z]$/;

/** Command lines in a page's code blocks and prose, and in a unit's ExecStart. */
function commandLines(path: string): string[] {
  const text = read(path);
  if (path.endsWith('.service')) {
    return [...text.matchAll(/^ExecStart=\/usr\/bin\/env (.*)$/gm)].map(([, line]) => line!);
  }
  const fenced = /^```\w*\n(.*?)^```/gms;
  const blocks = [...text.matchAll(fenced)].map(([, block]) => block).join('\n');
  const joined = blocks.replace(/\\\n\s*/g, '');
  const prose = text.replace(fenced, '').replace(/\n/g, ' ');
  return [
    ...[inBlocks, behindPipes].flatMap((pattern) => [...joined.matchAll(pattern)]),
    ...prose.matchAll(inProse),
  ]
    .map(([, line]) => line!)
    .filter((line) => !placeholder.test(line));
}

test('every command line in the pages and units is one that the program takes', async () => {
  const units = folder('packaging/systemd', '.service');
  let count = 0;
  // The configuration page is made from the commands themselves.
  const written = pages.filter((page) => page !== 'docs/configuration.md');
  for (const page of [...written, ...units]) {
    for (const line of commandLines(page)) {
      const { program, reached } = await harmlessProgram();
      const words = shellWords(line).slice(1);
      await assert.doesNotReject(program.parseAsync(words, { from: 'user' }), `${page}: ${line}`);
      assert.ok(reached() !== null, `${page}: ${line}`);
      count++;
    }
  }
  assert.ok(count > 35, `only ${count} command lines`);
});

test('every environment name that the command reads is on the configuration page', () => {
  const page = read('docs/configuration.md');
  for (const path of readdirSync(join(packageRoot, 'src'), { recursive: true })) {
    if (!String(path).endsWith('.ts') || /\.(test|suite)\.ts$/.test(String(path))) continue;
    for (const [, name] of read(`src/${path}`).matchAll(/env\['([A-Z_]+)'\]/g)) {
      assert.ok(page.includes(`\`${name}\``), `${path} reads ${name}`);
    }
  }
});
