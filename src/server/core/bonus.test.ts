// Checks the bonus token after accepted drafts: dropped under split and full when a draft for its
// place is on its way, and never when the pass gave nothing else.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pointLaw } from '../../math/law.js';
import { type Scheme, schemes, schemeTraits } from '../../math/scheme.js';
import type { Draft } from '../../protocol/frame.js';
import { bannedEnd, draftOf, Harness, openFrame, verdicts } from './core-harness.suite.js';
import { targetText } from './scripted-target.suite.js';

/** At temperature 0 every scheme's text is the target's own, so a right draft is known. */
const open = openFrame({ scheme: 'greedy', sampling: { ...bannedEnd, temperature: 0 } });
const answer = targetText(open).slice(3);

/** Drafts with what the scheme needs beside the ids. */
function draftUnder(scheme: Scheme, from: number, ids: readonly number[], more: boolean): Draft {
  const { needs } = schemeTraits[scheme];
  return draftOf({
    from,
    ids: Int32Array.from(ids),
    probs: needs === 'prob' && ids.length > 0 ? new Float64Array(ids.length).fill(1) : null,
    laws: needs === 'law' && ids.length > 0 ? ids.map((id) => pointLaw(id)) : null,
    more,
  });
}

function opened(scheme: Scheme, passRowsMax = 16): Harness {
  const harness = new Harness({ model: { passRowsMax } });
  harness.connect(1);
  harness.send(1, { ...open, scheme, mode: 'pipeline' });
  harness.settle();
  harness.take(1);
  return harness;
}

const announced = (harness: Harness): number[][] =>
  verdicts(harness.take(1)).map(({ tokens }) => [...tokens]);

/**
 * Committed lengths, verdict by verdict: what the device holds as a draft of its own is not told.
 */
const lengths = (harness: Harness): number[] =>
  verdicts(harness.take(1)).map(({ from, tokens }) => from + tokens.length);

/**
 * An engine that tests two drafts of a pass at most, as one does when masks of formats have used up
 * its time.
 */
function testingTwo(harness: Harness): void {
  const { engine } = harness;
  const pass = engine.pass.bind(engine);
  engine.pass = (segments, onHints) =>
    pass(
      segments.map((segment) => {
        const { tokens, judge } = segment;
        const over = Math.max(0, (judge?.draftCount ?? 0) - 2);
        if (judge === null || over === 0) return segment;
        const draftCount = 2;
        const cut = { ...segment, tokens: tokens.subarray(0, tokens.length - over) };
        if (judge.scheme === 'split') {
          return {
            ...cut,
            judge: { ...judge, draftCount, draftProbs: judge.draftProbs.slice(0, 2) },
          };
        }
        if (judge.scheme !== 'full') return { ...cut, judge: { ...judge, draftCount } };
        return { ...cut, judge: { ...judge, draftCount, draftLaws: judge.draftLaws.slice(0, 2) } };
      }),
      onHints,
    );
}

describe('drafts that a pass has not tested', () => {
  for (const scheme of schemes) {
    it(`wait for the next one, and none counts as fallen: ${scheme}`, () => {
      const harness = opened(scheme);
      testingTwo(harness);
      harness.send(1, draftUnder(scheme, 3, answer.slice(0, 7), false));
      harness.settle(6);
      const all = verdicts(harness.take(1));
      assert.equal(
        all.reduce((sum, { rejectedCount }) => sum + rejectedCount, 0),
        0,
      );
      assert.equal(
        all.reduce((sum, { acceptedCount }) => sum + acceptedCount, 0),
        7,
      );
      assert.ok(all.length > 1);
      assert.deepEqual(
        all.flatMap(({ tokens }) => [...tokens]),
        // A device is not told of tokens that it holds as drafts.
        [answer[7]],
      );
    });
  }
});

for (const scheme of schemes.filter((one) => schemeTraits[one].test === 'ratio')) {
  describe(`the bonus token under ${scheme}`, () => {
    it('is told where no more drafts are on their way', () => {
      const harness = opened(scheme);
      harness.send(1, draftUnder(scheme, 3, answer.slice(0, 2), false));
      harness.settle();
      assert.deepEqual(announced(harness), [[answer[2]]]);
    });

    it('is dropped where more are said to be on their way, and where they have come', () => {
      const said = opened(scheme);
      said.send(1, draftUnder(scheme, 3, answer.slice(0, 2), true));
      said.settle();
      assert.deepEqual(announced(said), [[]]);
      const came = opened(scheme);
      came.send(1, draftUnder(scheme, 3, answer.slice(0, 2), false));
      came.send(1, draftUnder(scheme, 5, answer.slice(2, 3), false));
      came.settle();
      assert.deepEqual(announced(came), [[], [answer[3]]]);
    });

    it('is told where it ends the answer, though more drafts are said to be on their way', () => {
      const harness = new Harness();
      harness.connect(1);
      harness.send(1, { ...open, scheme, mode: 'pipeline', tokensMax: 3 });
      harness.send(1, draftUnder(scheme, 3, answer.slice(0, 2), true));
      harness.settle();
      const [verdict] = verdicts(harness.take(1));
      assert.deepEqual([[...verdict!.tokens], verdict!.end], [[answer[2]], 'length']);
    });

    it('is told when no draft was tested: asked for, though more is said to come', () => {
      const harness = opened(scheme);
      harness.send(1, draftUnder(scheme, 3, [], true));
      harness.settle(5);
      assert.deepEqual(announced(harness), [[answer[0]]]);
    });

    it('is told when no draft was tested: the draft for its place came during the pass', () => {
      const harness = opened(scheme);
      harness.send(1, draftUnder(scheme, 3, [], false));
      harness.send(1, draftUnder(scheme, 3, answer.slice(0, 1), false));
      harness.settle(1);
      assert.deepEqual(lengths(harness), [4]);
    });

    it('is told when no draft was tested: a pass has room for one row only', () => {
      const harness = opened(scheme, 1);
      harness.send(1, draftUnder(scheme, 3, answer.slice(0, 2), false));
      harness.settle(5);
      assert.deepEqual(lengths(harness), [4, 5]);
    });
  });
}
