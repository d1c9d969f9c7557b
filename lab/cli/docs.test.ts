// Checks that every `npm run lab` line in the pages is a command of the lab.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createProgram } from '../../src/cli/command-line.js';
import { leafCommands, noTerminal } from '../../src/cli/configuration-page.suite.js';
import { packageRoot } from '../../src/cli/package-root.js';
import { lab } from './program.js';

const pages = ['.', 'docs', 'lab', 'lab/decisions', 'lab/tables'].flatMap((folder) =>
  readdirSync(join(packageRoot, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

test('every command line of the lab in the pages is one that it takes', async () => {
  let count = 0;
  for (const page of pages) {
    const text = readFileSync(join(packageRoot, page), 'utf8');
    for (const [, line = ''] of text.matchAll(/npm run lab -- ([^`#\n]+)/g)) {
      const program = await createProgram(lab, noTerminal, () => undefined);
      let isReached = false;
      for (const command of leafCommands(program)) {
        command.action(() => {
          isReached = true;
        });
      }
      const words = line.trim().split(/\s+/);
      await assert.doesNotReject(program.parseAsync(words, { from: 'user' }), `${page}: ${line}`);
      assert.ok(isReached, `${page}: ${line}`);
      count++;
    }
  }
  assert.ok(count > 35, `only ${count} command lines`);
});
