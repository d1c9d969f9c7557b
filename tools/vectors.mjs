// Writes vectors/*.json, the test vectors for implementations in other languages, from the compiled code.
// Usage: npm run build && node tools/vectors.mjs
// src/cli/conformance/vector-files.test.ts compares the files with the code.

import { mkdirSync, writeFileSync } from 'node:fs';
import { vectorFiles, vectorText } from '../dist/src/cli/conformance/vector-files.suite.js';

const folder = new URL('../vectors/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const name of Object.keys(vectorFiles)) {
  writeFileSync(new URL(name, folder), vectorText(name));
  console.log(`vectors/${name}`);
}
