// Which files `pilotfish` runs, the bundle or the compiled ones, in a folder with stand-ins for
// both.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { packageRoot } from './package-root.js';

const folder = mkdtempSync(join(tmpdir(), 'pilotfish-main-'));
after(() => rmSync(folder, { recursive: true }));

const main = join(folder, 'dist/src/cli/main.js');
const record = join(folder, 'dist/.src.tsbuildinfo');
const bundle = join(folder, 'dist/bundle');

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const ran = (env: NodeJS.ProcessEnv = {}): string =>
  execFileSync(process.execPath, [main], { encoding: 'utf8', env }).trim();

write(join(folder, 'package.json'), '{ "type": "module" }');
write(join(folder, 'dist/src/cli/start.js'), "console.log('compiled');");
copyFileSync(join(packageRoot, 'dist/src/cli/main.js'), main);

test('without a bundle the compiled files run', () => {
  assert.equal(ran(), 'compiled');
});

test('a bundle runs where there is no record of the compiler, as in a package', () => {
  write(join(bundle, 'start.js'), "console.log('bundled');");
  write(join(bundle, 'made-of.txt'), '7 1000');
  assert.equal(ran(), 'bundled');
});

test('with PILOTFISH_DEBUG the compiled files run, so that traces name them', () => {
  assert.equal(ran({ PILOTFISH_DEBUG: '1' }), 'compiled');
});

test('beside a record a bundle runs if it was made of what that tells of', () => {
  write(record, 'record1');
  utimesSync(record, 1, 1);
  assert.equal(statSync(record).mtimeMs, 1000);
  assert.equal(ran(), 'bundled');
});

test('after a later compilation the compiled files run', () => {
  utimesSync(record, 2, 2);
  assert.equal(ran(), 'compiled');
  write(record, 'record12');
  utimesSync(record, 1, 1);
  assert.equal(ran(), 'compiled');
});
