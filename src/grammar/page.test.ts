// Tests that docs/api.md lists the keywords of schemas correctly: supported ones work, unsupported
// ones are refused by name, and none is missing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { alone, annotations, compileSchema, typed } from './schema.js';

const page = readFileSync(fileURLToPath(new URL('../../../docs/api.md', import.meta.url)), 'utf8');
const section = page.split('### Schemas\n')[1]!.split('\n## ')[0]!;
const rows = section.split('\n').filter((line) => /^\| (?!for |---)/.test(line));
const wordsOf = (text: string): string[] =>
  Array.from(text.matchAll(/`(\$?[a-zA-Z]+)`/g), ([, word]) => word!);
const followed = new Set(rows.flatMap(wordsOf));
const refused = wordsOf(section.split('among them')[1]!.split('. `$ref`')[0]!);

describe('keywords of schemas in docs/api.md', () => {
  it('are those that the code follows', () => {
    const known = new Set<string>([...annotations, ...typed, ...alone, '$id']);
    assert.deepEqual([...followed].sort(), [...known].sort());
  });

  for (const keyword of refused) {
    it(`are refused where the page says so: ${keyword}`, () => {
      assert.throws(() => compileSchema(JSON.stringify({ [keyword]: {} })), {
        code: 'format-invalid',
        message: new RegExp(`the keyword ${keyword.replace('$', '\\$')} is not supported`),
      });
    });
  }

  it('include some that are refused', () => {
    assert.ok(refused.length >= 15, refused.join());
  });
});
