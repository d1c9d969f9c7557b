// Stands in for node:test: gathers tests instead of running them, so that they can be run again for
// each mutant.

/** { file, name, run } in the order of their files. */
export const tests = [];

let file = null;
let suite = {
  name: '',
  hooks: { before: [], after: [], beforeEach: [], afterEach: [] },
  parent: null,
};

export function beginFile(name) {
  file = name;
}

const named = (args) => ({
  name: String(args[0]),
  run: args.findLast((arg) => typeof arg === 'function'),
  isSkipped: args.some((arg) => arg?.skip),
});

const context = (name) => ({
  name,
  diagnostic: () => undefined,
  skip: () => undefined,
  test: async (...args) => {
    const { name: inner, run } = named(args);
    await run(context(inner));
  },
});

export function it(...args) {
  const { name, run, isSkipped } = named(args);
  if (isSkipped || run === undefined) return;
  const suites = [];
  for (let outer = suite; outer !== null; outer = outer.parent) suites.unshift(outer);
  const hooks = (kind) => suites.flatMap((outer) => outer.hooks[kind]);
  tests.push({
    file,
    name: [...suites.map((outer) => outer.name), name].filter(Boolean).join(' '),
    run: async () => {
      for (const hook of [...hooks('before'), ...hooks('beforeEach')]) await hook();
      await run(context(name));
      for (const hook of [...hooks('afterEach'), ...hooks('after')]) await hook();
    },
  });
}

export function describe(...args) {
  const { name, run, isSkipped } = named(args);
  if (isSkipped) return;
  suite = { name, hooks: { before: [], after: [], beforeEach: [], afterEach: [] }, parent: suite };
  run();
  suite = suite.parent;
}

const hook = (kind) => (run) => {
  suite.hooks[kind].push(run);
};
export const before = hook('before');
export const after = hook('after');
export const beforeEach = hook('beforeEach');
export const afterEach = hook('afterEach');
export const test = it;
export default it;
