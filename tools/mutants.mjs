// Makes small mistakes in the code on purpose and shows which of them no quick test of the same
// room notices. Usage: node tools/mutants.mjs [--room NAME]... [--sample N] [--seed N] [--all]
// [--file WORD]
//   --room     math, protocol, server/core, device/core; default: all of them
//   --sample   mutants per room, drawn at random by the seed; default 200
//   --all      every mutant
//   --file     only mutants of files whose path contains the word
// Survivors that cannot be killed are explained in tools/mutants/explained.json; others make the
// exit code 1.

import { fork } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { mutate } from './mutants/mutate.mjs';

const rooms = ['math', 'protocol', 'server/core', 'device/core'];
const { values: options } = parseArgs({
  options: {
    room: { type: 'string', multiple: true, default: rooms },
    sample: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    all: { type: 'boolean', default: false },
    file: { type: 'string', default: '' },
  },
});

/**
 * A mutant that takes this much longer than a test takes loops; a busy machine is not taken for
 * one.
 */
const limitMsOf = (ms) => 5_000 + 20 * ms;

/** The compiler leaves what it made of a source that is gone. */
const sourceOf = (path) => path.replace(/^dist\//, '').replace(/js$/, 'ts');

function modulesOf(room) {
  const folder = join('dist/src', room);
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => path.endsWith('.js') && existsSync(sourceOf(path)))
    .sort();
}

const isQuickTest = (path) => /\.test\.js$/.test(path) && !/\.(slow|model)\.test\.js$/.test(path);
const isMutated = (path) => !/\.(test|suite)\.js$|\/generated\//.test(path);

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function drawn(mutants, count, seed) {
  const random = randomOf(seed);
  const keyed = mutants.map((mutant) => ({ mutant, at: random() }));
  const sorted = keyed.sort((a, b) => a.at - b.at).map(({ mutant }) => mutant);
  return sorted.slice(0, count).sort((a, b) => a.id - b.id);
}

/** The mutants of a room, and its modules with those in them that are to be tried. */
function plan(room) {
  const paths = modulesOf(room).filter(isMutated);
  const write = (isWanted) => {
    const mutants = [];
    const texts = [];
    for (const path of paths) {
      const { text, mutants: found } = mutate(readFileSync(path, 'utf8'), mutants.length, isWanted);
      texts.push([pathToFileURL(path).href, text]);
      mutants.push(...found.map((mutant) => ({ ...mutant, path })));
    }
    return { mutants, texts };
  };
  const { mutants } = write(() => false);
  const eligible = mutants.filter(({ path }) => path.includes(options.file));
  const count = options.all ? eligible.length : Number(options.sample);
  const tried = drawn(eligible, count, Number(options.seed));
  const ids = new Set(tried.map(({ id }) => id));
  const { texts } = write(({ id }) => ids.has(id));
  return { room, mutants, tried, texts, testFiles: modulesOf(room).filter(isQuickTest) };
}

/** A process of mutants/child.mjs, and an end for it where a test takes longer than it may. */
class Child {
  #process;
  #timer = null;
  #hear = () => undefined;

  constructor({ texts, testFiles, mutants }, activeAtLoad = -1) {
    this.#process = fork(new URL('./mutants/child.mjs', import.meta.url), {
      stdio: 'ignore',
      execArgv: ['--max-old-space-size=1500'],
      env: { ...process.env, PILOTFISH_FUZZ_SEED: '1' },
    });
    this.#process.on('exit', () => this.#hear({ kind: 'gone' }));
    this.#process.on('message', (message) => {
      clearTimeout(this.#timer);
      if (message.kind === 'starts') {
        this.#timer = setTimeout(() => this.end(), message.limitMs);
      } else this.#hear(message);
    });
    const files = testFiles.map((file) => resolve(file));
    this.#process.send({ texts, testFiles: files, mutantCount: mutants.length, activeAtLoad });
  }

  /** Messages up to one of these kinds, or the end of the process. */
  until(...kinds) {
    return new Promise((done) => {
      const heard = [];
      this.#hear = (message) => {
        heard.push(message);
        if (message.kind === 'gone' || kinds.includes(message.kind)) done(heard);
      };
    });
  }

  async try(id, runs) {
    const answer = this.until('killed', 'survived');
    this.#process.send({ kind: 'try', id, runs });
    return (await answer).at(-1);
  }

  end() {
    clearTimeout(this.#timer);
    this.#process.kill('SIGKILL');
  }
}

/** Which tests there are and what they reach; the process that learnt it stays ready. */
async function learn(work) {
  const child = new Child(work);
  const heard = await child.until('ready');
  if (heard.at(-1).kind === 'gone') throw new Error(`the tests of ${work.room} do not load`);
  const tests = heard.filter(({ kind }) => kind === 'learnt');
  for (const { name, isPassed } of tests)
    if (!isPassed) console.error(`fails without a mutant, left out: ${name}`);
  const atLoad = new Set(heard.find(({ kind }) => kind === 'loaded').reached);
  return { child, tests: tests.filter(({ isPassed }) => isPassed), atLoad };
}

const stem = (path) => path.replace(/^.*\//, '').replace(/\..*$/, '');

/** Tests of the same name first, then from the shortest. */
function ordered(tests, { path }) {
  const distance = ({ file }) => (stem(file) === stem(path) ? 0 : 1);
  return [...tests]
    .sort((a, b) => distance(a) - distance(b) || a.ms - b.ms)
    .map(({ test, ms }) => ({ test, limitMs: limitMsOf(ms) }));
}

/** @param survived is called for each mutant that no test notices, as soon as that is known. */
async function tryAll(work, survived) {
  const { child: first, tests, atLoad } = await learn(work);
  let child = first;
  const reachedBy = new Map(work.tried.map(({ id }) => [id, []]));
  for (const test of tests) for (const id of test.reached) reachedBy.get(id)?.push(test);
  const fresh = async (activeAtLoad) => {
    const next = new Child(work, activeAtLoad);
    const heard = await next.until('ready', 'broken');
    return { child: next, isReady: heard.at(-1).kind === 'ready' };
  };
  /** In a process of its own, whose modules were loaded with the mutant. */
  const isKilledAtLoad = async (mutant) => {
    const { child: own, isReady } = await fresh(mutant.id);
    const answer = isReady ? await own.try(mutant.id, ordered(tests, mutant)) : null;
    own.end();
    return answer?.kind !== 'survived';
  };
  const isKilled = async (mutant) => {
    const runs = ordered(reachedBy.get(mutant.id), mutant);
    if (runs.length > 0) {
      const answer = await child.try(mutant.id, runs);
      if (answer.kind === 'killed' && answer.isClean) return true;
      if (answer.kind !== 'survived') {
        child.end();
        child = (await fresh(-2)).child;
        // It hung or died; or what it left behind fails tests by itself, and a fresh process
        // decides.
        return answer.kind === 'gone' || (await child.try(mutant.id, runs)).kind !== 'survived';
      }
    }
    return atLoad.has(mutant.id) && (await isKilledAtLoad(mutant));
  };
  for (const [index, mutant] of work.tried.entries()) {
    if (!(await isKilled(mutant))) {
      const isReached = reachedBy.get(mutant.id).length > 0 || atLoad.has(mutant.id);
      survived({ ...mutant, isReached });
    }
    if ((index + 1) % 50 === 0) console.error(`${work.room}: ${index + 1} of ${work.tried.length}`);
  }
  child.end();
}

/** Source file and line of a mutant of compiled code. */
function placeOf({ path, line, column }) {
  const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
  const { originalLine } = map.findEntry(line - 1, column);
  return `${sourceOf(path)}:${originalLine + 1}`;
}

const explained = JSON.parse(
  readFileSync(new URL('./mutants/explained.json', import.meta.url), 'utf8'),
);
const isSame = (mutant, { file, from, to }) =>
  sourceOf(mutant.path) === file && mutant.from === from && mutant.to === to;

/**
 * @returns whether every survivor of the room is explained, and every explanation is of a mutant.
 */
async function checkRoom(room) {
  const started = performance.now();
  const work = plan(room);
  let [explainedCount, unexplainedCount] = [0, 0];
  await tryAll(work, (mutant) => {
    if (explained.some((one) => isSame(mutant, one))) {
      explainedCount++;
      return;
    }
    unexplainedCount++;
    console.log(`${placeOf(mutant)}${mutant.isReached ? '' : ' (no test reaches it)'}`);
    console.log(`  - ${mutant.from}\n  + ${mutant.to}`);
  });
  const stale = explained.filter(
    (one) =>
      one.file.startsWith(`src/${room}/`) && !work.mutants.some((mutant) => isSame(mutant, one)),
  );
  for (const { file, from } of stale) console.log(`explains no mutant: ${file}: ${from}`);
  const count = work.tried.length;
  const killed = count - explainedCount - unexplainedCount;
  const percent = ((100 * killed) / Math.max(1, count)).toFixed(1);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `${room}: ${killed} of ${count} mutants killed (${percent} %), ` +
      `${explainedCount} explained, ${unexplainedCount} not; ` +
      `${work.mutants.length} in all, seed ${options.seed}, ${seconds} s`,
  );
  return unexplainedCount === 0 && stale.length === 0;
}

let isWell = true;
for (const room of options.room) isWell = (await checkRoom(room)) && isWell;
process.exit(isWell ? 0 : 1);
