// Everything that needs no model: format and lint, types, pure layers, layer table, unit tests. Under a minute.
// Usage: node tools/check.mjs [--no-tests]
//   --no-tests  the API reference in place of the unit tests, for a caller that runs all tests next

import { spawnSync } from 'node:child_process';

const steps = [
  ['format and lint', 'npx', ['--no-install', 'biome', 'check', '--error-on-warnings', '.']],
  ['build', 'npm', ['run', '--silent', 'build']],
  ['pure layers', 'npx', ['--no-install', 'tsc', '-p', 'tsconfig.pure.json']],
  ['layer table', process.execPath, ['tools/layers.mjs']],
  ['comments', process.execPath, ['tools/comments.mjs']],
  process.argv.includes('--no-tests')
    ? ['API reference', process.execPath, ['tools/docs.mjs']]
    : ['unit tests', process.execPath, ['tools/test.mjs']],
];

for (const [name, command, args] of steps) {
  const started = performance.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (status !== 0) {
    console.error(`check failed: ${name} (${seconds} s)`);
    process.exit(1);
  }
  console.log(`check: ${name} ok (${seconds} s)`);
}
