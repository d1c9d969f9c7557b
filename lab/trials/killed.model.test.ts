// Real processes, real sockets: server, device and gateway are killed, ended and stopped, and
// connections reset, at random moments while answers are being written. Every text is, token by
// token, the one that the target writes undisturbed, and nothing is left. The same as
// `npm run lab -- chaos`, with fewer strikes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runChaos } from './chaos.js';
import { chaosFaults } from './chaos-fault.js';

const faultCount = 60;

describe('struck processes and cut sockets', () => {
  it(`change no text, ${faultCount} times of ${faultCount}`, { timeout: 900_000 }, async (t) => {
    const signal = { aborted: false };
    const note = (line: string): void => t.diagnostic(line);
    const { runs } = await runChaos({ seed: 1, note, signal }, faultCount);
    assert.equal(runs.length, faultCount);
    for (const fault of chaosFaults) {
      const met = runs.filter((one) => one.strike === fault && one.openCount > 0);
      // Moments are drawn before an answer is known to last: some are too late, six in a row hardly
      // ever.
      assert.ok(met.length > 0, `${fault.target} ${fault.by} met ${met.length} answers`);
    }
  });
});
