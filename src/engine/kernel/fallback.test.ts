// Tests that the reference answers, and says so, on a platform that cannot run the kernel.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { canRun, kernelBytes } from './instance.js';

const program = `
  delete globalThis.WebAssembly;
  const { createKernel } = await import(${JSON.stringify(new URL('./kernel.js', import.meta.url).href)});
  const math = createKernel(3);
  const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1,
    presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() };
  math.load(Float32Array.of(0, 2, 1), sampling, null, null);
  console.log(math.implementation, math.argmax());
`;

test('without WebAssembly the reference answers, and says so', () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { encoding: 'utf8' },
  );
  assert.equal(stdout, 'reference 1\n', stderr);
});

test('code that this platform does not know is told from code that runs', () => {
  const unknown = kernelBytes();
  unknown[4] = 99;
  assert.equal(canRun(kernelBytes()), true);
  assert.equal(canRun(unknown), false);
});
