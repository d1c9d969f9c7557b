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
/** What these assert depends on times between processes: each runs alone, before the others. */
const timed = [
  'lab/experiments/early-exit/sockets.model.test.js',
  'src/cli/processes/drain.model.test.js',
];
const groupSize = 12;
const groupFolder = join('dist', '.groups');

const kindOf = (path) => /\.(slow|model)\.test\.js$/.exec(path)?.[1] ?? 'quick';
const isOneOf = (list, path) => list.some((name) => path.endsWith(name));
const isLoner = (path) => isOneOf(loners, path);

/**
 * Files that import those given. The runner sorts what it is told to run, so each is named by its
 * turn: the long ones first, so that the others fill what is left of the last minute.
 */
function grouped(files) {
  rmSync(groupFolder, { recursive: true, force: true });
  mkdirSync(groupFolder, { recursive: true });
  const of = (kind) => files.filter((path) => kindOf(path) === kind);
  const quick = of('quick').filter((path) => !isLoner(path));
  const groups = [...of('model'), ...of('slow'), ...files.filter(isLoner)].map((path) => [path]);
  for (let from = 0; from < quick.length; from += groupSize) {
    groups.push(quick.slice(from, from + groupSize));
  }
  return groups.map((group, index) => {
    const turn = `${index + 1}`.padStart(3, '0');
    const path = join(groupFolder, `${turn}.${kindOf(group[0])}.test.mjs`);
    const lines = group.map((file) => `import '${relative(groupFolder, file)}';\n`);
    writeFileSync(path, lines.join(''));
    return path;
  });
}

const files = testFiles('dist');
if (files.length === 0) {
  console.error('no test files match; run `npm run build` first');
  process.exit(1);
}
const cores = availableParallelism();
// Model tests keep about one core busy each on two cores. On more, some load models with a thread
// for nearly every core, and such threads starve each other.
const concurrency = withModel ? Math.max(Math.min(2, cores), Math.floor(cores / 4)) : cores;
const isTimed = (path) => isOneOf(timed, path);
const alone = files.filter(isTimed);
const arePassed = passes(alone, 1);
const areOthersPassed = passes(grouped(files.filter((path) => !isTimed(path))), concurrency);
// Their own report is far above by now.
if (!arePassed) console.error(`failed, of the tests that run alone: one of ${alone.join(', ')}`);
process.exit(arePassed && areOthersPassed ? 0 : 1);
