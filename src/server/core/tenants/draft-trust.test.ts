// Checks that drafts which keep falling are cut and then not tested, in every mode; that new
// sessions of the key inherit this; and that drafts which stand again are tested again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Mode } from '../../../protocol/frame.js';
import { draftOf, Harness, openFrame, tokensOf, verdicts } from '../core-harness.suite.js';
import { scriptedSettings, targetText } from '../scripted-target.suite.js';
import { DraftTrust, trustedLength } from './draft-trust.js';

const draftLength = 12;

/**
 * Rounds of drafts that are always wrong.
 *
 * @returns the rows that the target judged for each token.
 */
function waste(harness: Harness, connection: number, mode: Mode, rounds: number): number {
  const open = openFrame({ mode, tokensMax: rounds + 1, windowMax: 64 });
  const text = targetText(open, { slotCount: 1 });
  harness.connect(connection);
  harness.send(connection, open);
  const rowsBefore = harness.core.stats().rowCount;
  let length = 3;
  for (let epoch = 0; epoch < rounds; epoch++) {
    const wrong = text[length] === 2 ? 3 : 2;
    const ids = new Int32Array(draftLength).fill(wrong);
    harness.send(connection, draftOf({ epoch, from: length, ids }));
    // In race the server would write to the end alone.
    harness.settle(mode === 'race' ? 1 : undefined);
    length += tokensOf(harness.take(connection)).length;
  }
  return (harness.core.stats().rowCount - rowsBefore) / (length - 3);
}

describe('trust in drafts', () => {
  it('is off below one in ten, cut below one in four, and full again from four in ten', () => {
    const levels = [0.09, 0.1, 0.24, 0.25].map((rate) => new DraftTrust(rate).level);
    assert.deepEqual(levels, ['off', 'cut', 'cut', 'full']);
    const regained = (accepted: number): string => {
      const trust = new DraftTrust(0);
      trust.learn(accepted, 12 - accepted);
      return trust.level;
    };
    assert.deepEqual([1, 2, 7, 8].map(regained), ['off', 'cut', 'cut', 'full']);
  });

  for (const mode of ['race', 'pipeline', 'stop-and-wait'] as const) {
    it(`of a session in ${mode} whose drafts always fall ends, visibly, and the text goes on`, () => {
      const harness = new Harness();
      waste(harness, 1, mode, 60);
      assert.deepEqual(harness.core.stats().distrusted, { cutCount: 0, offCount: 1 });
      const advised = { sessionCount: 1, meanLength: 0, noneCount: 1 };
      assert.deepEqual(harness.core.stats().advised, advised, 'and its device is told so');
      assert.equal(harness.core.stats().accounts[0]!.draftTrust, 'off');
    });
  }

  it('costs the target a row for each token and no more once it is gone', () => {
    const harness = new Harness();
    waste(harness, 1, 'stop-and-wait', 60);
    harness.disconnect(1);
    const rows = waste(harness, 2, 'stop-and-wait', 60);
    // The new session of the same key starts cut: a handful of rows with one draft, then none.
    assert.ok(rows < 1.2, `${rows} rows a token`);
  });

  it('is told to the device as advice to draft nothing', () => {
    const harness = new Harness({ settings: scriptedSettings() });
    harness.connect(1);
    const open = openFrame({ mode: 'stop-and-wait', tokensMax: 70 });
    const text = targetText(open, { slotCount: 1 });
    harness.send(1, open);
    const advice: number[] = [];
    let length = 3;
    for (let epoch = 0; epoch < 60; epoch++) {
      const ids = new Int32Array(4).fill(text[length] === 2 ? 3 : 2);
      harness.send(1, draftOf({ epoch, from: length, ids }));
      harness.settle();
      for (const { advisedDraftLength, tokens } of verdicts(harness.take(1))) {
        if (advisedDraftLength !== null) advice.push(advisedDraftLength);
        length += tokens.length;
      }
    }
    assert.equal(advice.at(-1), 0);
  });

  it('never ends for drafts that stand half the time, and bears a bad start', () => {
    const trust = new DraftTrust();
    for (let round = 0; round < 200; round++) {
      trust.learn(round % 2, 1 - (round % 2));
      assert.equal(trust.level, 'full');
    }
    const unlucky = new DraftTrust();
    unlucky.learn(0, 14);
    assert.equal(unlucky.level, 'full');
  });

  it('comes back when drafts stand again, and a new session of a key in disgrace can earn it', () => {
    const trust = new DraftTrust();
    trust.learn(0, 100);
    assert.equal(trust.level, 'off');
    trust.learn(8, 0);
    assert.equal(trust.level, 'cut');
    trust.learn(40, 0);
    assert.equal(trust.level, 'full');
    const heir = new DraftTrust(new DraftTrust(0).inherited);
    assert.equal(heir.level, 'cut');
    heir.learn(6, 0);
    assert.equal(heir.level, 'full');
  });

  it('gives all, one or none of what was wanted', () => {
    assert.deepEqual(
      (['full', 'cut', 'off'] as const).map((level) => trustedLength(level, 9)),
      [9, 1, 0],
    );
    assert.equal(trustedLength('cut', 0), 0);
  });
});
