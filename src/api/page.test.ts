// Checks that docs/api.md has every field, every error code with its status, and every metric of
// the API.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openApi, ScriptedGenerator } from './api.suite.js';
import { apiErrorTable } from './api-error.js';
import { chatFields } from './chat-request.js';
import { completionFields } from './completion-request.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| '));
const fieldRows = rows.map((row) => row.split('|').map((cell) => cell.trim()));

/** The table row of a field, by its name in the first column. */
const rowOf = (name: string): string[] | undefined =>
  fieldRows.find(([, first]) => first?.includes(`\`${name}\``));

describe('the page of the API', () => {
  for (const [column, fields] of [
    [2, chatFields],
    [3, completionFields],
  ] as const) {
    for (const name of Object.keys(fields)) {
      it(`has a row for ${name}, in column ${column}`, () => {
        assert.ok(rowOf(name)?.[column], `${name} is missing`);
      });
    }
  }

  for (const [code, { status, retryAfterS }] of Object.entries(apiErrorTable)) {
    it(`has ${code} with its status`, () => {
      assert.ok(rows.some((row) => row.startsWith(`| ${status} | \`${code}\` |`)));
      assert.equal(retryAfterS !== null, status === 503 || status === 429);
    });
  }

  it('names every metric of the API', async () => {
    const api = await openApi(new ScriptedGenerator());
    const text = await (await fetch(`${api.url}/metrics`)).text();
    await api.close();
    const names = [...text.matchAll(/^# TYPE pilotfish_(\w+)/gm)].map(([, name]) => name!);
    assert.ok(names.length > 5);
    for (const name of names) assert.ok(page.includes(`\`${name}`), name);
  });
});
