// Checks the drafts that the server makes itself: what they save, what happens when the draft model
// fails, is late or talks nonsense, and that the text never depends on it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Open } from '../../../protocol/frame.js';
import { Harness, type HarnessOptions, openFrame, tokensOf } from '../core-harness.suite.js';
import { targetText } from '../scripted-target.suite.js';
import { noServerDrafting } from '../settings.js';

function optionsOf(divergence: number, draftPassMs = 1): HarnessOptions {
  const model = { slotCount: 4, contextLength: 256 };
  return {
    model,
    passMs: 20,
    settings: { drafting: { ...noServerDrafting, model, fixedLength: 3 } },
    draft: { model: { ...model, divergence }, passMs: draftPassMs },
  };
}

const open = (changes: Partial<Open> = {}): Open =>
  openFrame({ mode: 'co-located', tokensMax: 60, ...changes });

/** Plays one answer to its end. */
function play(harness: Harness, request: Open, between: () => void = () => undefined): number[] {
  harness.connect(1);
  harness.send(1, request);
  for (let step = 0; step < 2000; step++) {
    between();
    if (!harness.stepEngine() && !harness.stepDrafter()) break;
  }
  return tokensOf(harness.take(1));
}

const textOf = (request: Open): number[] => targetText(request).slice(3);

for (const mode of ['co-located', 'auto'] as const) {
  describe(`drafts of the server, in mode ${mode}`, () => {
    it('save passes, and are counted by source', () => {
      const harness = new Harness(optionsOf(0));
      const request = open({ mode });
      assert.deepEqual(play(harness, request), textOf(request));
      const { sources, committedCount, passCount } = harness.core.stats();
      assert.equal(committedCount, 60);
      // The draft is the target: all of it stands.
      assert.ok(sources.modelCount >= 35, `${sources.modelCount} tokens of the draft model`);
      assert.equal(sources.deviceCount + sources.suffixCount, 0);
      assert.ok(passCount <= 60 - sources.modelCount + 1, `${passCount} passes`);
    });

    it('leave the text alone when the draft model fails, and it is asked no more', () => {
      const harness = new Harness(optionsOf(0.3));
      harness.isDraftFailing = true;
      const request = open({ mode });
      assert.deepEqual(play(harness, request), textOf(request));
      assert.equal(harness.core.stats().draftFailureCount, 3);
      assert.equal(harness.core.stats().sources.modelCount, 0);
    });

    it('go on after one failure', () => {
      const harness = new Harness(optionsOf(0));
      const request = open({ mode });
      let turn = 0;
      const text = play(harness, request, () => {
        harness.isDraftFailing = turn++ === 6;
      });
      assert.deepEqual(text, textOf(request));
      assert.ok(harness.core.stats().sources.modelCount > 20);
    });

    it('are not waited for when the draft model is late', () => {
      const harness = new Harness(optionsOf(0));
      harness.connect(1);
      const request = open({ mode });
      harness.send(1, request);
      // The draft model never answers.
      for (let step = 0; step < 4000 && harness.core.liveCount > 0; step++) {
        if (!harness.stepEngine()) harness.advance(100);
      }
      assert.deepEqual(tokensOf(harness.take(1)), textOf(request));
      harness.stepDrafter();
      harness.disconnect(1);
      harness.advance(120_000);
      assert.equal(harness.core.retainedCount, 0);
    });

    it('leave nothing behind when they come after their session is gone', () => {
      const harness = new Harness(optionsOf(0));
      harness.connect(1);
      harness.send(1, open({ mode }));
      while (harness.drafts.length === 0) assert.ok(harness.stepEngine());
      harness.send(1, { kind: 'close', session: 0 });
      harness.disconnect(1);
      harness.settle();
      harness.advance(120_000);
      assert.equal(harness.core.retainedCount, 0);
    });

    it('stay within the text that was asked for', () => {
      for (const tokensMax of [1, 2, 3, 4]) {
        const harness = new Harness(optionsOf(0));
        const request = open({ mode, tokensMax });
        assert.deepEqual(play(harness, request), textOf(request));
      }
    });

    it("end with the draft model's context, and the answer does not", () => {
      const { draft, settings, ...rest } = optionsOf(0);
      const drafting = { ...settings!.drafting!, model: { slotCount: 4, contextLength: 30 } };
      const harness = new Harness({ ...rest, settings: { drafting }, draft: draft! });
      const request = open({ mode });
      assert.deepEqual(play(harness, request), textOf(request));
      const { modelCount } = harness.core.stats().sources;
      assert.ok(modelCount > 10 && modelCount < 30, `${modelCount}`);
    });
  });
}

describe('the draft model', () => {
  it('is not asked for other modes', () => {
    for (const mode of ['race', 'stream', 'pipeline', 'stop-and-wait'] as const) {
      const harness = new Harness(optionsOf(0));
      harness.connect(1);
      harness.send(1, open({ mode }));
      for (let step = 0; step < 200 && harness.stepEngine(); step++) {
        assert.equal(harness.drafts.length, 0);
      }
    }
  });

  it('drafts for several sessions in one stage', () => {
    const harness = new Harness(optionsOf(0.2));
    harness.connect(1);
    const opens = [0, 1, 2].map((session) => open({ session, seed: BigInt(session) }));
    for (const request of opens) harness.send(1, request);
    let together = 0;
    for (let step = 0; step < 1000; step++) {
      together = Math.max(together, harness.drafts[0]?.requests.length ?? 0);
      if (!harness.stepEngine() && !harness.stepDrafter()) break;
    }
    assert.equal(together, 3);
    const frames = harness.take(1);
    for (const request of opens) {
      const own = frames.filter((frame) => 'session' in frame && frame.session === request.session);
      assert.deepEqual(tokensOf(own), textOf(request));
    }
  });

  it('gets a long prompt beside passes of the target', () => {
    const harness = new Harness(optionsOf(0));
    const prompt = Int32Array.from({ length: 150 }, (_, index) => 2 + (index % 5));
    const request = open({ prompt: { kind: 'ids', ids: prompt } });
    harness.connect(1);
    harness.send(1, request);
    // The pass that computes the prompt is under way, and so is the draft model.
    assert.equal(harness.operations.at(-1)?.kind, 'pass');
    assert.equal(harness.drafts.length, 1);
    // Both engines run side by side.
    while (harness.core.liveCount > 0) {
      harness.stepDrafter();
      harness.stepEngine();
    }
    assert.deepEqual(tokensOf(harness.take(1)), targetText(request).slice(150));
    assert.ok(harness.core.stats().sources.modelCount > 20);
  });
});

describe('passes ahead of their results, of a session whose device never drafts', () => {
  /** Passes that follow the last of an answer's passes that tells of any. */
  function followed(draftPassMs: number): boolean {
    const harness = new Harness(optionsOf(0.9, draftPassMs));
    harness.connect(1);
    harness.send(1, open({ mode: 'auto', windowMax: 1, tokensMax: 120 }));
    let isFollowed = false;
    for (let step = 0; step < 2000; step++) {
      const [next] = harness.operations;
      if (next?.kind === 'pass') isFollowed ||= next.followCount > 1;
      if (!harness.stepEngine() && !harness.stepDrafter()) break;
    }
    return isFollowed;
  }

  it('are begun where the draft model is not worth its time, and not where it is', () => {
    assert.equal(followed(40), true);
    assert.equal(followed(0.1), false);
  });
});
