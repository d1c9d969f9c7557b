// Checks which frames of a server a device takes for lies, and that the answer then fails with a
// reason that names them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TokenLogprobs } from '../../math/logprobs.js';
import type { ServerFrame, Verdict } from '../../protocol/frame.js';
import type { GenerateRequest } from './event.js';
import { LinkFixture, opened, verdict, welcome } from './link-fixture.suite.js';

const asked = (changes: Partial<GenerateRequest> = {}): LinkFixture =>
  new LinkFixture()
    .feed({ kind: 'link-up' })
    .hear({ ...welcome, version: 3 })
    .ask({ mode: 'pipeline', tokensMax: 4, ...changes });

/** What is said about the frame; null: nothing, the answer goes on. */
function complaint(bench: LinkFixture, frame: ServerFrame): string | null {
  const failed = bench.hear(frame, 10).effects.find(({ kind }) => kind === 'failed');
  if (failed?.kind !== 'failed') return null;
  assert.equal(failed.error.code, 'protocol-violated');
  return failed.error.message;
}

const messages = { kind: 'messages', messages: [{ role: 'user', content: 'a' }] } as const;
const dense = (...probs: number[]) =>
  ({
    kind: 'dense',
    probs: Float64Array.of(...probs, ...Array(16 - probs.length).fill(0)),
  }) as const;
const law = { kind: 'whole', law: dense(0, 0, 0, 0, 0.5, 0.5) } as const;

describe('Opened', () => {
  it('says the ids of a prompt that was sent as messages', () => {
    const bench = asked({ prompt: messages });
    assert.equal(bench.count('prompt'), 0);
    const promptIds = Int32Array.of(0, 3, 5);
    assert.equal(complaint(bench, { ...opened(), promptIds } as ServerFrame), null);
    assert.equal(bench.count('prompt'), 1);
    const silent = complaint(asked({ prompt: messages }), opened());
    assert.match(silent!, /did not say the ids of the prompt/);
  });

  it('has a prompt of the length that was sent', () => {
    const wrong = { ...opened(), promptLength: 4 } as ServerFrame;
    assert.match(complaint(asked(), wrong)!, /a prompt of 4 tokens, not of 3/);
  });
});

describe('a verdict', () => {
  const heard = (said: Partial<Verdict>, changes: Partial<GenerateRequest> = {}) =>
    complaint(asked(changes).hear(opened()), verdict(said));

  it('brings tokens of the vocabulary', () => {
    const bench = asked().hear(opened());
    bench.hear(verdict({ tokens: Int32Array.of(16) }), 10);
    assert.deepEqual([bench.count('tokens'), bench.count('hang-up')], [0, 1]);
  });

  it('brings as many tokens as were asked for, and no more', () => {
    assert.equal(heard({ tokens: Int32Array.of(2, 3, 4, 5) }), null);
    const message = heard({ tokens: Int32Array.of(2, 3, 4, 5, 6) });
    assert.match(message!, /1 tokens beyond the 4 asked for/);
  });

  it('brings the log-probabilities that were asked for, of every token', () => {
    const tokens = Int32Array.of(2, 3);
    const known: TokenLogprobs = { logprob: -1, top: [] };
    const wanted = { topLogprobs: 3 };
    assert.equal(heard({ tokens, logprobs: [known, known] }, wanted), null);
    const none = heard({ tokens }, wanted);
    assert.match(none!, /no log-probabilities of the token at 3/);
    assert.equal(heard({ tokens }), null);
  });

  it('has a law only where it rejected a draft', () => {
    const split = { scheme: 'split' } as const;
    assert.match(heard({ law }, split)!, /a law for position 3, where no draft was rejected/);
  });

  it('is followed by the whole law of a cut where that is asked for', () => {
    const bench = asked({ scheme: 'split', tokensMax: 30 }).hear(opened());
    bench.draft(3, 2, [...dense(0, 0, 1).probs]);
    const cut = { ids: Int32Array.of(4), probs: Float64Array.of(0.01), tailMass: 0.99 };
    bench.hear(verdict({ rejectedCount: 1, law: { kind: 'cut', cut } }), 10);
    assert.deepEqual(bench.sent, [{ kind: 'tail-request', session: 0, position: 3 }]);
    const tail = { kind: 'tail', session: 0, lawLogprobs: null } as const;
    const other = complaint(bench, { ...tail, position: 4, law: law.law } as ServerFrame);
    assert.match(other!, /a tail for position 4/);
  });
});
