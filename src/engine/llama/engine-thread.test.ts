// Checks that a thread without a model ends at any moment of its start.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

const script = `
  import { EngineThread } from ${JSON.stringify(new URL('./engine-thread.js', import.meta.url))};
  for (let waitMs = 60; waitMs < 120; waitMs += 1.5) {
    const thread = new EngineThread();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    await thread.abandon();
  }
  console.log('ended');
`;

it('a thread that is abandoned while it loads its code ends alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-thread-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'abandon.mjs');
  writeFileSync(path, script);
  // In a process of its own: one that koffi ends would take the test runner with it.
  const { stdout } = await run(process.execPath, [path]);
  assert.equal(stdout, 'ended\n');
});
