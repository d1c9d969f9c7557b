// Checks that the package exports few names, that every exported function and class has an example,
// and that each example does what it says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openSslMissing } from './access/certificate.suite.js';
import { packageRoot } from './cli/package-root.js';
import { examples, needsCertificate, needsModel, runExamples } from './examples.suite.js';

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');
const { exports: subpaths }: { exports: Record<string, string> } = JSON.parse(read('package.json'));

/** Path of each subpath's list of names: './math' -> 'src/math/index.ts'. */
const entries = Object.entries(subpaths)
  .filter(([, path]) => path.endsWith('.js'))
  .map(([name, path]) => [name, path.replace('./dist/', '').replace(/js$/, 'ts')] as const);

interface Exported {
  readonly name: string;
  readonly isType: boolean;
  /** The source that declares it, from the root. */
  readonly path: string;
}

/** The names that a list gives away: nothing but lists of names is allowed there. */
function exportedBy(list: string): Exported[] {
  const text = read(list).replace(/^\/\*\*[\s\S]*?\*\//, '');
  const pattern = /export (type )?\{([^}]*)\} from '([^']+)';/g;
  assert.equal(text.replaceAll(pattern, '').trim(), '', `${list} holds more than lists of names`);
  return [...text.matchAll(pattern)].flatMap(([, allTypes, names, from]) =>
    names!
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => ({
        name: name.replace(/^type /, ''),
        isType: allTypes !== undefined || name.startsWith('type '),
        path: join(list, '..', from!).replace(/js$/, 'ts'),
      })),
  );
}

describe('the package', () => {
  it('exports few names', () => {
    const counts = new Map(entries.map(([subpath, list]) => [subpath, exportedBy(list).length]));
    assert.ok(counts.get('.')! <= 30, `pilotfish has ${counts.get('.')} names`);
    assert.ok(counts.get('./math')! <= 60, `pilotfish/math has ${counts.get('./math')} names`);
    const names = new Set(entries.flatMap(([, list]) => exportedBy(list).map(({ name }) => name)));
    assert.ok(names.size <= 226, `${names.size} names in all`);
  });

  it('shows nothing of ws, whose types are not installed with the package', () => {
    const paths = entries.flatMap(([, list]) => exportedBy(list).map(({ path }) => path));
    for (const path of new Set(paths)) {
      const declarations = read(`dist/${path.replace(/ts$/, 'd.ts')}`);
      assert.doesNotMatch(declarations, /from 'ws'/, path);
    }
  });

  for (const [subpath, list] of entries) {
    it(`has an example for each function of pilotfish${subpath.slice(1)}`, async () => {
      const module = await import(join(packageRoot, 'dist', list.replace(/ts$/, 'js')));
      for (const { name, isType, path } of exportedBy(list)) {
        if (isType || typeof module[name] !== 'function') continue;
        const doc = docOf(read(path), name);
        assert.match(doc ?? '', /@example\n/, `${name} in ${path}`);
      }
    });
  }
});

/** The docstring right before a declaration. */
function docOf(text: string, name: string): string | undefined {
  const pattern = new RegExp(
    `/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\nexport (?:async )?(?:function\\*?|class|const) ${name}\\b`,
  );
  return pattern.exec(text)?.[1];
}

it('every example compiles under strict and skipLibCheck off, and gives what it says', () => {
  const hasCertificate = openSslMissing() === false;
  const list = examples().filter((example) => !needsModel(example));
  runExamples(
    list.filter((example) => hasCertificate || !needsCertificate(example)),
    '.examples',
  );
});
