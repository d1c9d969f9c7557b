// What manifest.json of models/ and of models/robot/ says of the files is true of them, and no
// model lies there that it leaves out.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkExitFile, checkExitFits } from '../gguf/exit-file.js';
import { checkModelFile } from '../gguf/model-file.js';
import { readGguf } from '../gguf/reader.js';

interface Entry {
  readonly file: string;
  readonly role: 'draft' | 'target' | 'encoder' | 'exit' | 'tokenizer';
  readonly sha256: string;
  readonly bytes: number;
  /** Null for a file without weights. */
  readonly quantisation: string | null;
  readonly licence: string;
  /** Of a head: blocks below it, and shares of rows in which its first token is the target's. */
  readonly layer?: number;
  readonly agreement?: Readonly<Record<'heldOutArgmax' | 'greedy' | 'coupled', number>>;
}

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url));
const entriesOf = (folder: string): Entry[] =>
  JSON.parse(readFileSync(pathOf(`${folder}manifest.json`), 'utf8')).files;
const files = entriesOf('');
const robot = entriesOf('robot/');
const modelsIn = (folder: string): string[] =>
  readdirSync(pathOf(folder))
    .filter((name) => /\.(gguf|model)$/.test(name))
    .sort();

for (const entry of files) {
  const { file, role, bytes, sha256, quantisation, licence } = entry;
  test(`${file} has the size, the checksum and the quantisation of the manifest`, () => {
    const content = readFileSync(pathOf(file));
    assert.equal(content.length, bytes);
    assert.equal(createHash('sha256').update(content).digest('hex'), sha256);
    assert.match(licence, /MIT/);
    if (quantisation === null) return;
    // The stories were generated with Llama 3.1: its licence wants the name first, and the notice.
    assert.match(licence, /Built with Llama/);
    if (role === 'exit') return checkHead(pathOf(file), entry);
    const facts = checkModelFile(pathOf(file));
    assert.equal(facts.quantisation, quantisation);
    assert.match(facts.name, /^Llama /);
  });
}

function checkHead(path: string, { quantisation, layer, agreement }: Entry): void {
  const head = checkExitFile(path);
  assert.equal(head.layer, layer);
  assert.ok(Object.values(agreement!).every((share) => share > 0.3 && share < 1));
  assert.match(head.name, /^Llama /);
  const matrices = head.header.tensors.filter(({ dims }) => dims.length === 2);
  assert.deepEqual(new Set(matrices.map(({ type }) => type)), new Set([quantisation]));
  for (const target of files.filter((entry) => entry.role === 'target')) {
    checkExitFits(head, checkModelFile(pathOf(target.file)), readGguf(pathOf(target.file)));
  }
}

test('the manifest names every model of the folder, and a draft and a target of each quantisation', () => {
  assert.deepEqual(files.map(({ file }) => file).sort(), modelsIn(''));
  const types = (role: string) =>
    files.filter((entry) => entry.role === role).map((entry) => entry.quantisation);
  assert.deepEqual(types('draft'), types('target'));
});

for (const { file, role, bytes, sha256, quantisation, licence } of robot) {
  test(`robot/${file} is the one that its manifest describes`, () => {
    const content = readFileSync(pathOf(`robot/${file}`));
    assert.equal(content.length, bytes);
    assert.equal(createHash('sha256').update(content).digest('hex'), sha256);
    assert.equal(licence, 'Apache-2.0');
    if (role === 'tokenizer') return;
    if (role === 'encoder') {
      const { metadata } = readGguf(pathOf(`robot/${file}`));
      const projector = { type: 'string', value: 'nemotron_v2_vl' };
      assert.deepEqual(metadata.get('clip.projector_type'), projector);
      return;
    }
    const facts = checkModelFile(pathOf(`robot/${file}`));
    assert.equal(facts.quantisation, quantisation);
    assert.match(facts.name, /^Robot /);
  });
}

test('the manifest of the robot names every model of its folder', () => {
  assert.deepEqual(robot.map(({ file }) => file).sort(), modelsIn('robot'));
});
