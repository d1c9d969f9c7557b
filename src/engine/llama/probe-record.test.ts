// Checks that a file is known again only while nothing that its probe depends on has changed.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { resolveOptions } from './options.js';
import { hasPassed, notePassed, probeEntry } from './probe-record.js';

const folder = mkdtempSync(join(tmpdir(), 'pilotfish-probed-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  // One time for all: only what a test changes tells files apart.
  utimesSync(path, 1_000, 1_000);
  return path;
};

const model = file('model.gguf', 'header, weights');
const library = file('libllama.so', 'code');
const files = { folder, source: 'test', ggmlBase: library, ggml: library, llama: library };
const options = resolveOptions({ modelPath: model, threads: 1 }, 512);
const entryOf = (changes: Partial<typeof options> = {}): string =>
  probeEntry({ path: model, headerBytes: 6 }, files, { ...options, ...changes });

describe('the record of probed files', () => {
  it('knows a file again that has passed, whatever threads compute', () => {
    const entries = join(folder, 'entries');
    assert.equal(hasPassed(entryOf(), entries), false);
    notePassed(entryOf(), entries);
    assert.equal(hasPassed(entryOf(), entries), true);
    assert.equal(hasPassed(entryOf({ threads: 4, poll: 0 }), entries), true);
  });

  it('knows it no more with another header, size, time, library or option', () => {
    const before = entryOf();
    assert.notEqual(entryOf({ slotCount: 2 }), before);
    assert.notEqual(entryOf({ cacheTypeK: 'q8_0' }), before);
    file('model.gguf', 'Header, weights');
    assert.notEqual(entryOf(), before);
    file('model.gguf', 'header, weights and more');
    assert.notEqual(entryOf(), before);
    file('model.gguf', 'header, weights');
    assert.equal(entryOf(), before);
    utimesSync(model, 1_000, 2_000);
    assert.notEqual(entryOf(), before);
    file('model.gguf', 'header, weights');
    file('libllama.so', 'other code');
    assert.notEqual(entryOf(), before);
    file('libllama.so', 'code');
  });

  it('lets a file be probed again where nothing can be written', () => {
    notePassed(entryOf(), join(model, 'entries'));
    assert.equal(hasPassed(entryOf(), join(model, 'entries')), false);
  });

  it('forgets all entries rather than to grow without end', () => {
    const entries = join(folder, 'many');
    for (let index = 0; index <= 1000; index++) notePassed(`entry-${index}`, entries);
    assert.deepEqual(readdirSync(entries), ['entry-1000']);
  });
});
