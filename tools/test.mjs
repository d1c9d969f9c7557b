// Runs compiled tests under node's own runner and prints its closing lines.
// Usage: node tools/test.mjs [--model] [--all] [filter...]
//   --model   also run *.model.test.js, which load the bundled models through llama.cpp
//   --all     also run *.slow.test.js, each more than about 3 seconds of processor time
//   filter    keep the files whose path contains one of the words

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';

const args = process.argv.slice(2);
const withModel = args.includes('--model');
const withSlow = args.includes('--all');
const filters = args.filter((arg) => !arg.startsWith('--'));

/** The compiler leaves what it made of a source that is gone. */
const sourceOf = (path) => path.replace(/^dist\//, '').replace(/js$/, 'ts');

function testFiles(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => path.endsWith('.test.js') && existsSync(sourceOf(path)))
    .filter((path) => withModel || !path.endsWith('.model.test.js'))
    .filter((path) => withSlow || !path.endsWith('.slow.test.js'))
    .filter((path) => filters.length === 0 || filters.some((word) => path.includes(word)))
    .sort();
}

/**
 * Ends what test-limit.mjs cannot: a file that keeps something open after its tests, or never
 * yields.
 */
const fileMinutesMax = 20;

/** Runs the files with so many at once; true when all passed. */
function passes(files, concurrency) {
  if (files.length === 0) return true;
  const { status } = spawnSync(
    process.execPath,
    [
      '--enable-source-maps',
      '--import=./tools/test-limit.mjs',
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${fileMinutesMax * 60_000}`,
      ...files,
    ],
    { stdio: 'inherit', env: { ...process.env, NO_COLOR: '1' } },
  );
  return status === 0;
}

/**
 * Quick tests share a process with those beside them: a third of their time would be starting node
 * and loading the same modules. These need one of their own.
 */
const loners = [
  'src/engine/kernel/fallback.test.js', // changes what the process knows of WebAssembly
];
const groupSize = 12;
const groupFolder = join('dist', '.groups');

const isGrouped = (path) =>
  !/\.(slow|model)\.test\.js$/.test(path) && !loners.some((loner) => path.endsWith(loner));

/** Files that import some of those given, in their place. */
function grouped(files) {
  rmSync(groupFolder, { recursive: true, force: true });
  mkdirSync(groupFolder, { recursive: true });
  const quick = files.filter(isGrouped);
  const groups = [];
  for (let from = 0; from < quick.length; from += groupSize) {
    const path = join(groupFolder, `${groups.length + 1}.test.mjs`);
    const lines = quick
      .slice(from, from + groupSize)
      .map((file) => `import '${relative(groupFolder, file)}';\n`);
    writeFileSync(path, lines.join(''));
    groups.push(path);
  }
  // The long ones first: the others fill what is left of the last minute.
  return [...files.filter((file) => !isGrouped(file)), ...groups];
}

const files = testFiles('dist');
if (files.length === 0) {
  console.error('no test files match; run `npm run build` first');
  process.exit(1);
}
const isModel = (path) => path.endsWith('.model.test.js');
const plainPassed = passes(grouped(files.filter((path) => !isModel(path))), availableParallelism());
// Model tests start ggml threads of their own, which starve each other on few cores: one file at a
// time.
const modelPassed = passes(files.filter(isModel), 1);
process.exit(plainPassed && modelPassed ? 0 : 1);
