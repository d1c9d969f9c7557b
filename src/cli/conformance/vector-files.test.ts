// Compares the files of vectors/ with what the code computes.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { vectorFiles, vectorText } from './vector-files.suite.js';

describe('vectors/', () => {
  it('has exactly the files that the code makes', () => {
    const files = readdirSync('vectors').filter((name) => name.endsWith('.json'));
    assert.deepEqual(files.sort(), Object.keys(vectorFiles).sort());
  });

  for (const name of Object.keys(vectorFiles)) {
    it(`${name} has the values of the code (tools/vectors.mjs writes it)`, () => {
      assert.equal(readFileSync(`vectors/${name}`, 'utf8'), vectorText(name));
    });
  }
});
