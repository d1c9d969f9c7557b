// Runs `pilotfish sim` as a user does: a summary, a trace, the same numbers for the same seed, and
// refusals in one sentence.

import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runHere } from './in-process.suite.js';

async function scenarioFile(text: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'pilotfish-sim-')), 'scenario.json');
  await writeFile(path, text);
  return path;
}

describe('pilotfish sim', () => {
  it('prints what happened, and the same for the same seed', async () => {
    const file = await scenarioFile('{"deviceCount":2,"serverCount":1}');
    const first = await runHere(['sim', '--scenario', file, '--seed', '3']);
    const again = await runHere(['sim', '--scenario', file, '--seed', '3']);
    assert.equal(first.code, 0, first.err);
    assert.match(first.out, /violations +0\n/);
    const checksum = /checksum +(\w{8})/;
    assert.match(first.out, checksum);
    assert.equal(checksum.exec(first.out)?.[1], checksum.exec(again.out)?.[1]);
  });

  it('reads a scenario, and traces a run of it', async () => {
    const file = await scenarioFile('{"deviceCount":1,"serverCount":1,"faults":{"drain":0}}');
    const { code, out } = await runHere(['sim', '--scenario', file, '--trace', '--json']);
    assert.equal(code, 0);
    assert.match(out, /device 0 +-> hello/);
    const totals = JSON.parse(out.slice(out.indexOf('\n{\n')));
    assert.equal(totals.seedCount, 1);
    assert.equal(totals.failures.length, 0);
  });

  const refused = [
    { text: '{"deviceCount":"many"}', says: /deviceCount is a number/ },
    { text: '{', says: /cannot read .*scenario\.json/ },
  ];
  for (const { text, says } of refused) {
    it(`refuses the scenario ${text}`, async () => {
      const { code, err } = await runHere(['sim', '--scenario', await scenarioFile(text)]);
      assert.equal(code, 2);
      assert.match(err, says);
    });
  }
});
