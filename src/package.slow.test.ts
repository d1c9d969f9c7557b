// The package as npm packs it, unpacked into an empty project: small, complete for the programs
// that it promises, typed for a strict consumer, and the library example of the README runs there.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packageRoot } from './cli/package-root.js';
import { examples } from './examples.suite.js';

const bytesMax = 14_000_000;

const importIn = /(?:\bfrom|\bimport\(?|require\d*\()\s*["']([@a-z][^"'\s]*)["']/g;
/** Parts of Fastify for schemas, logs and tests. */
const neverLoaded = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'light-my-request',
  'pino',
];
/** Native parts of ws that it does without. */
const ifInstalled = ['bufferutil', 'utf-8-validate'];

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');
const manifest = JSON.parse(read('package.json'));
const project = mkdtempSync(join(tmpdir(), 'pilotfish-project-'));
const installed = join(project, 'node_modules/pilotfish');
let packed: Packed;

/**
 * Unpacks the package and links what it depends on, as an installation from the cache would have
 * it.
 */
before(() => {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', project];
  [packed] = JSON.parse(execFileSync('npm', args, { cwd: packageRoot, encoding: 'utf8' }));
  mkdirSync(installed, { recursive: true });
  const tarball = join(project, packed.filename);
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  const { dependencies, optionalDependencies } = manifest;
  for (const name of [
    ...Object.keys({ ...dependencies, ...optionalDependencies }),
    '@types/node',
  ]) {
    const from = join(packageRoot, 'node_modules', name);
    const to = join(project, 'node_modules', name);
    mkdirSync(dirname(to), { recursive: true });
    // One that is for another machine is not there, and the link leads nowhere.
    symlinkSync(from, to);
  }
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
});
after(() => rmSync(project, { recursive: true }));

describe('the package', () => {
  it('is small, and holds no tests, no maps and no lab', () => {
    assert.ok(packed.size <= bytesMax, `${packed.size} bytes`);
    const strange = packed.files.filter(({ path }) =>
      /\.(test|suite)\.|\.map$|^(dist\/)?lab\/|generated\/pilotfish/.test(path),
    );
    assert.deepEqual(strange, []);
  });

  it('holds the models that the manifest says it does', () => {
    const { files } = JSON.parse(read('models/manifest.json'));
    const promised = files.filter((entry: { packed?: boolean }) => entry.packed !== false);
    assert.deepEqual(
      packed.files
        .flatMap(({ path }) => /^models\/(.*\.(?:gguf|model))$/.exec(path)?.[1] ?? [])
        .sort(),
      promised.map(({ file }: { file: string }) => file).sort(),
    );
  });

  it('holds the licence of what is bundled in it', () => {
    const licences = readFileSync(join(installed, 'dist/bundle/LICENSES.txt'), 'utf8');
    const native = ['koffi'];
    for (const name of Object.keys(manifest.dependencies).filter((one) => !native.includes(one))) {
      assert.match(licences, new RegExp(`^${name} \\d.*, `, 'm'));
    }
  });

  it('loads little but native code from outside of its bundle', () => {
    const folder = join(installed, 'dist/bundle');
    const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
    const named = scripts.flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      return [...text.matchAll(importIn)].map(([, module]) => module!);
    });
    const outside = [...new Set(named)].filter((module) => !isBuiltin(module)).sort();
    assert.deepEqual(outside, [...neverLoaded, ...ifInstalled, 'koffi'].sort());
  });

  it('compiles for a strict consumer without the types of anything but Node', () => {
    const subpaths = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'));
    const imports = subpaths.map(
      (name, index) => `export * as subpath${index} from 'pilotfish${name.slice(1)}';\n`,
    );
    writeFileSync(join(project, 'subpaths.ts'), imports.join(''));
    writeFileSync(join(project, 'readme.ts'), libraryExample());
    writeFileSync(join(project, 'drafter.ts'), drafterExample());
    const compilerOptions = {
      ...{ target: 'es2023', lib: ['es2023'], module: 'nodenext', types: ['node'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc], {
      cwd: project,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
  });

  it('runs the example of the README', () => {
    const { status, stdout, stderr } = run('readme.js');
    assert.equal(status, 0, stderr);
    assert.ok(stdout.length > 100, stdout);
  });

  it('runs a program with a drafter of its own', () => {
    const { status, stdout, stderr } = run('drafter.js');
    assert.equal(status, 0, stdout + stderr);
  });

  it('lists what it has, and says of the rest that a clone has it', () => {
    const { stdout, stderr } = pilotfish('models', '--json');
    const names = JSON.parse(stdout).map(({ name }: { name: string }) => name);
    assert.deepEqual(names.slice(0, 3), ['stories-draft', 'stories-target', 'stories-exit-4']);
    assert.equal(stderr, '');
    assert.match(
      pilotfish('models').stderr,
      /^Only in a clone of the repository: stories-draft-f16/m,
    );
    const refused = pilotfish('serve', '-m', 'stories-target-f16');
    assert.equal(refused.status, 3);
    assert.match(refused.stderr, /comes with a clone of the repository; the package has only/);
    const { facts } = JSON.parse(pilotfish('doctor', '--json').stdout);
    assert.ok(facts.models.every(({ intact }: { intact: boolean | null }) => intact === true));
  });
});

function run(script: string, ...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], { cwd: project, encoding: 'utf8' });
}

const pilotfish = (...args: string[]) => run(join(installed, 'dist/src/cli/main.js'), ...args);

/** The first block of the section. */
function libraryExample(): string {
  const code = /\n## As a library\n[\s\S]*?```ts\n([\s\S]*?)```/.exec(read('README.md'))?.[1];
  assert.ok(code !== undefined, 'README has no library example');
  return code;
}

/** How a program brings a drafter of its own: the docstring of its type. */
function drafterExample(): string {
  const example = examples().find(({ code }) => code.includes('make: DrafterFactory'));
  assert.ok(example !== undefined, 'no example of a drafter');
  return example.code;
}
