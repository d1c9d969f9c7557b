// Real processes, real sockets: server, device and gateway are killed, ended and stopped, and
// connections reset, at random moments while answers are being written. Every text is, token by
// token, the one that the target writes undisturbed, and nothing is left. The same as
// `npm run lab -- chaos`, with fewer strikes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chaosFaults, runChaos } from './chaos.js';

const strikesMin = 20;
/** A strike may come when its answers have ended; thirty misses in a row are no chance. */
const strikesMax = 300;

describe('struck processes and cut sockets', () => {
  it('change no text, whichever fault meets an answer', { timeout: 900_000 }, async (t) => {
    const signal = { aborted: false };
    const note = (line: string): void => t.diagnostic(line);
    const { runs } = await runChaos({ seed: 1, note, signal }, (struck) => {
      const met = struck.filter(({ openCount }) => openCount > 0);
      const isAll = chaosFaults.every((fault) => met.some(({ strike }) => strike === fault));
      return (struck.length >= strikesMin && isAll) || struck.length >= strikesMax;
    });
    for (const fault of chaosFaults) {
      const isMet = runs.some((one) => one.strike === fault && one.openCount > 0);
      assert.ok(isMet, `${fault.target} ${fault.by} met no answer`);
    }
  });
});
