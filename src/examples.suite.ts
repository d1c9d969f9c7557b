// Takes the examples out of docstrings, compiles them against the built package under its own name,
// and runs them in one process. A line `expression; // = value` is checked: numbers within a
// relative 1e-9.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate } from './access/certificate.suite.js';
import { packageRoot } from './cli/package-root.js';

export interface Example {
  /** Of the source, from the root of the package. */
  readonly path: string;
  readonly line: number;
  readonly code: string;
}

const sources = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !/\.(test|suite)\.ts$|generated/.test(path))
  .map((path) => join('src', path))
  .sort();

/** Every example of the product's docstrings. */
export function examples(): Example[] {
  return sources.flatMap((path) => {
    const text = readFileSync(join(packageRoot, path), 'utf8');
    return [...text.matchAll(/@example\n *\* ```ts\n([\s\S]*?)\n *\* ```/g)].map(
      ({ 1: block, index }) => ({
        path,
        line: text.slice(0, index).split('\n').length,
        code: block!.replaceAll(/^ *\* ?/gm, ''),
      }),
    );
  });
}

/** Those that load a model, which takes a second each. */
export const needsModel = ({ code }: Example): boolean => code.includes('bundledModel(');

/** Those that read server.pem, which the test has to make. */
export const needsCertificate = ({ code }: Example): boolean => code.includes('server.pem');

/**
 * Compiles the examples as a strict consumer would, and runs one after another, in a folder of
 * dist.
 */
export function runExamples(list: readonly Example[], folderName: string): void {
  const folder = join(packageRoot, 'dist', folderName);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = list.map((example, index) => {
    const name = `${index + 1}-${example.path.replace(/^.*\//, '').replace(/\.ts$/, '')}`;
    writeFileSync(join(folder, `${name}.ts`), checked(example));
    return name;
  });
  writeFileSync(join(folder, 'same.ts'), same);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(consumer));
  run(join(packageRoot, 'node_modules/typescript/bin/tsc'), ['-p', '.'], folder);
  const runs = files.map((name, index) => {
    const { path, line } = list[index]!;
    return `await run('${path}:${line}', () => import('./${name}.js'));\n`;
  });
  writeFileSync(join(folder, 'main.mjs'), runner + runs.join(''));
  if (list.some(needsCertificate)) makeCertificate(folder);
  run('main.mjs', [], folder);
}

function run(script: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${script}\n${stdout}\n${stderr}`);
}

const consumer = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ['node'],
  },
  include: ['*.ts'],
};

const runner = `async function run(place, example) {
  try {
    await example();
  } catch (reason) {
    console.error(place, reason);
    process.exitCode = 1;
  }
}
`;

/** The example with its promises as assertions. */
function checked({ path, line, code }: Example): string {
  const body = code.replaceAll(/^(.*); \/\/ = (.*)$/gm, 'same($1, $2);');
  return `// ${path}:${line}\nimport { same } from './same.js';\nvoid same;\n${body}\n`;
}

const same = `import assert from 'node:assert/strict';

export function same(found: unknown, wanted: unknown): void {
  if (typeof found === 'number' && typeof wanted === 'number') {
    const isClose = Math.abs(found - wanted) <= 1e-9 * Math.max(1, Math.abs(wanted));
    assert.ok(isClose || Object.is(found, wanted), \`\${found} is not \${wanted}\`);
  } else if (Array.isArray(wanted)) {
    const list = [...(found as Iterable<unknown>)];
    assert.equal(list.length, wanted.length);
    for (const [index, value] of wanted.entries()) same(list[index], value);
  } else if (typeof wanted === 'object' && wanted !== null) {
    for (const [name, value] of Object.entries(wanted)) {
      same((found as Record<string, unknown>)[name], value);
    }
  } else assert.deepEqual(found, wanted);
}
`;
