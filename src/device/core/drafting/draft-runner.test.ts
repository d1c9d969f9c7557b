// Checks from where a run continues its text, when a drafter rests, and which tokens are void.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeviceEffect } from '../event.js';
import { drafted } from '../session-view.suite.js';
import type { AheadBranch } from './ahead/ahead-branch.js';
import { DraftRunner, sequenceText } from './draft-runner.js';

const options = { countMax: 4, confidenceMin: 0, wantConfidence: false, alternativesMax: 0 };
const timings = { addDraftPass: () => undefined } as never;

/** A drafter of a prompt of three tokens; `chain` are those drafted after it. */
function runner(chain: number[] = []) {
  const effects: DeviceEffect[] = [];
  const drafting = new DraftRunner(0, (effect) => effects.push(effect));
  const log = { length: 3, at: (position: number) => [0, 3, 5][position]! };
  const start = () => {
    const at = (position: number) => drafted(position, chain[position - 3]!);
    const text = { log, chain: { base: 3, end: 3 + chain.length, at } };
    drafting.start(options, 'greedy', [sequenceText(text, 'chain')], 0);
    const started = effects.findLast(({ kind }) => kind === 'draft-start');
    assert.ok(started?.kind === 'draft-start');
    const [{ from, tokens }] = started.sequences as [(typeof started.sequences)[number]];
    return { run: started.run, from, tokens: [...tokens] };
  };
  const draft = (run: number, token: number) => {
    const one = drafted(3 + chain.length, token);
    const grown = drafting.take(run, [{ sequenceIndex: 0, token: one }], timings, 0);
    if (grown.length > 0) chain.push(token);
    return grown.map(({ grows }) => grows);
  };
  return { drafting, effects, start, draft };
}

describe('a run', () => {
  it('continues where the last one ended, and after a restart from there on', () => {
    const { drafting, start, draft } = runner();
    assert.deepEqual(start(), { run: 1, from: 0, tokens: [0, 3, 5] });
    assert.deepEqual([draft(1, 7), draft(1, 8)], [['chain'], ['chain']]);
    drafting.ended(1, ['count']);
    assert.deepEqual(start(), { run: 2, from: 5, tokens: [] });
    drafting.restart(4);
    assert.deepEqual(start(), { run: 3, from: 4, tokens: [8] });
  });

  it('of a branch that became the chain is followed by one from the branch on', () => {
    const { drafting, start, draft } = runner();
    start();
    draft(1, 7);
    draft(1, 8);
    drafting.ended(1, ['count']);
    const branch: AheadBranch = {
      ...{ position: 4, token: 9, source: 'hint', drafted: [], isClosed: false },
    };
    const log = { length: 3, at: () => 2 };
    const chain = { base: 3, end: 5, at: (position: number) => drafted(position) };
    drafting.start(options, 'greedy', [sequenceText({ log, chain }, branch)], 0);
    drafting.promote(branch);
    assert.deepEqual([drafting.growths, drafting.isRunning], [['chain'], true]);
    drafting.stop();
    assert.equal(start().from, 4);
  });

  it('that was stopped brings nothing more', () => {
    const { drafting, effects, start, draft } = runner();
    start();
    drafting.stop();
    assert.deepEqual(effects.at(-1), { kind: 'draft-stop', answer: 0, run: 1 });
    assert.deepEqual([draft(1, 7), drafting.isRunning], [[], false]);
  });

  it('ends by its own end, not by that of an earlier one', () => {
    const { drafting, start } = runner();
    start();
    drafting.stop();
    start();
    drafting.ended(1, ['end-of-text']);
    assert.equal(drafting.isRunning, true);
    drafting.ended(2, ['end-of-text']);
    assert.deepEqual([drafting.isRunning, drafting.chainMayGrow], [false, false]);
  });

  it('of voided sequences alone is stopped', () => {
    const { drafting, start } = runner();
    start();
    drafting.drop([]);
    assert.equal(drafting.isRunning, true);
    drafting.drop(['chain']);
    assert.deepEqual(drafting.growths, []);
  });
});

describe('a drafter', () => {
  it('rests after an unsure token until the text moves on', () => {
    const { drafting, start } = runner();
    start();
    drafting.ended(1, ['confidence']);
    assert.equal(drafting.chainMayGrow, false);
    drafting.onCommit();
    assert.equal(drafting.chainMayGrow, true);
  });

  it('rests at the end of a text or of its context until the chain changes', () => {
    for (const reason of ['end-of-text', 'context'] as const) {
      const { drafting, start } = runner();
      start();
      drafting.ended(1, [reason]);
      drafting.onCommit();
      assert.equal(drafting.chainMayGrow, false);
      drafting.restart(3);
      assert.equal(drafting.chainMayGrow, true);
    }
  });

  it('that failed drafts no more', () => {
    const { drafting, start } = runner();
    start();
    drafting.broke();
    drafting.restart(3);
    assert.deepEqual([drafting.isBroken, drafting.chainMayGrow], [true, false]);
  });
});
