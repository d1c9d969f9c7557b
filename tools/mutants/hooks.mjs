// Module hooks of a process that tries mutants: texts with mutants stand in for modules, and
// test-list.mjs for node:test.

let texts = new Map();

export function initialize(data) {
  texts = data.texts;
}

const testList = new URL('./test-list.mjs', import.meta.url).href;

export const resolve = (specifier, context, next) =>
  specifier === 'node:test' ? { url: testList, shortCircuit: true } : next(specifier, context);

export function load(url, context, next) {
  const source = texts.get(url);
  return source === undefined
    ? next(url, context)
    : { format: 'module', source, shortCircuit: true };
}
