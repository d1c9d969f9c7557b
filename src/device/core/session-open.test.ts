// Checks the frames that bring an answer to a server, and which servers it is not brought to.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noPictures, type Welcome } from '../../protocol/frame.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import type { GenerateRequest } from './event.js';
import { LinkFixture, opened, request, settings, verdict, welcome } from './link-fixture.suite.js';

const cut = { keepMax: 4 };

function met(changes: Partial<GenerateRequest>, said: Partial<Welcome> = {}): LinkFixture {
  const bench = new LinkFixture().feed({ kind: 'link-up' });
  return bench.hear({ ...welcome, ...said }).ask({ mode: 'pipeline', ...changes });
}

/** Why the answer was refused here. */
function refusal({ effects }: LinkFixture): string | null {
  const failed = effects.find(({ kind }) => kind === 'failed');
  return failed?.kind === 'failed' ? `${failed.error.code}: ${failed.error.message}` : null;
}

describe('Open', () => {
  it('says what is asked for, with a window that the server grants', () => {
    const [open] = met({ scheme: 'split', cut, windowMax: 100 }).sent;
    assert.ok(open?.kind === 'open');
    const { prompt, answer, ...terms } = open;
    assert.deepEqual([prompt, answer.length], [request.prompt, 0]);
    assert.deepEqual(terms, {
      kind: 'open',
      session: 0,
      sampling: request.sampling,
      seed: 11n,
      schema: null,
      topLogprobs: null,
      scheme: 'split',
      mode: 'pipeline',
      tokensMax: 4,
      windowMax: 64,
      cut,
      wantsHints: false,
      ...noPictures,
      padBytes: 0,
      aggregateMs: 0,
    });
  });

  it('has no answer yet where the prompt is not known as tokens', () => {
    const prompt = { kind: 'messages', messages: [{ role: 'user', content: 'a' }] } as const;
    const [open] = met({ prompt }).sent;
    assert.ok(open?.kind === 'open');
    assert.deepEqual([open.prompt, open.answer.length], [prompt, 0]);
  });

  it('is sent for a prompt that ends with the token that ends a text', () => {
    const prompt = { kind: 'ids', ids: Int32Array.of(0, 3, 1) } as const;
    assert.equal(met({ prompt }).sent[0]?.kind, 'open');
  });

  it('has a cut under split alone', () => {
    const [open] = met({ scheme: 'coupled', cut, windowMax: 8 }).sent;
    assert.ok(open?.kind === 'open');
    assert.deepEqual([open.cut, open.windowMax], [null, 8]);
  });
});

describe('Resume', () => {
  it('names the committed tokens by their hash', () => {
    const bench = met({ mode: 'stream', tokensMax: 30 }).hear(opened());
    bench.hear(verdict({ tokens: Int32Array.of(7, 8) }), 5);
    bench.feed({ kind: 'link-down', reason: 'cut' }, 10).feed({ kind: 'timer' }, 60);
    const [resume] = bench.connect(60).sent.filter(({ kind }) => kind === 'resume');
    const logHash = tokenLogHash(Int32Array.of(0, 3, 5, 7, 8));
    const resumeKey = new Uint8Array(16);
    assert.deepEqual(resume, {
      kind: 'resume',
      session: 0,
      resumeKey,
      committedLength: 5,
      logHash,
    });
  });
});

describe('a server', () => {
  it('that does not offer the scheme or the mode is not asked', () => {
    assert.match(refusal(met({}, { schemes: ['greedy'] }))!, /^server-refused: scheme coupled/);
    assert.match(refusal(met({}, { modes: ['race'] }))!, /the server offers .* modes race/);
    assert.equal(refusal(met({}, { schemes: ['coupled'], modes: ['pipeline'] })), null);
  });

  it('runs auto where it offers it, else race for a device that drafts and stream for one that does not', () => {
    const modeOf = (said: Partial<Welcome>, drafter = settings.drafter): string | null => {
      const bench = new LinkFixture({ drafter }).feed({ kind: 'link-up' });
      const [open] = bench.hear({ ...welcome, ...said }).ask({ mode: 'auto' }).sent;
      return open?.kind === 'open' ? open.mode : null;
    };
    const old = { version: 3, modes: ['race', 'pipeline', 'stop-and-wait', 'stream'] } as const;
    const current = { version: 4, modes: [...old.modes, 'auto', 'co-located'] } as const;
    assert.deepEqual([modeOf(current), modeOf(current, null)], ['auto', 'auto']);
    assert.deepEqual([modeOf(old), modeOf(old, null)], ['race', 'stream']);
    // What an older version does not know is not sent to it, whatever it offers.
    assert.equal(modeOf({ ...current, version: 3 }), 'race');
    assert.equal(modeOf({ version: 4, modes: ['stream'] }), null);
  });

  it('that is too old for formats and log-probabilities is not asked for them', () => {
    const old = refusal(met({ topLogprobs: 0 }, { version: 1 }));
    assert.match(old!, /^server-refused: formats and log-probabilities need version/);
    assert.match(refusal(met({ schema: '{}' }, { version: 1 }))!, /^server-refused/);
    assert.equal(refusal(met({ topLogprobs: 0 }, { version: 3 })), null);
    assert.equal(refusal(met({}, { version: 1 })), null);
  });
});
