// Checks that under greedy and coupled the text is the target's, no matter which device drafts and
// how frames, passes and connections interleave, and that nothing is kept at the end.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ScriptedModelOptions } from '../../engine/scripted-model.js';
import { modes } from '../../protocol/frame.js';
import {
  draftOf,
  Harness,
  type HarnessOptions,
  hello,
  openFrame,
  tokensOf,
} from './core-harness.suite.js';
import { roller } from './fake-device.suite.js';
import { checkTexts, closeAll, interleave, opensOf } from './party.suite.js';
import { targetText } from './scripted-target.suite.js';
import { noServerDrafting } from './settings.js';

function withDraft(model: Partial<ScriptedModelOptions>, divergence: number): HarnessOptions {
  const { slotCount = 4 } = model;
  const drafting = {
    ...noServerDrafting,
    model: { slotCount, contextLength: 200 },
    fixedLength: 3,
  };
  const draft = { model: { ...model, divergence }, passMs: 1 };
  return { model, settings: { drafting }, draft };
}

const setups: { readonly name: string; readonly options: HarnessOptions }[] = [
  { name: 'as many slots as sessions', options: { model: { slotCount: 8 } } },
  { name: 'two slots, swapped', options: { model: { slotCount: 2 } } },
  {
    name: 'one slot, rebuilt',
    options: { model: { slotCount: 1 }, settings: { swapBytesMax: 0 } },
  },
  {
    name: 'passes of nine tokens',
    options: { model: { slotCount: 3, passTokensMax: 9, passRowsMax: 5 } },
  },
  {
    name: 'a draft model on the server',
    options: withDraft({ slotCount: 4 }, 0.2),
  },
  {
    name: 'a poor draft model on a server with two slots',
    options: withDraft({ slotCount: 2, passRowsMax: 7 }, 0.9),
  },
  {
    name: 'static batches of four',
    options: {
      model: { slotCount: 8 },
      settings: { batching: { kind: 'static', count: 4, waitMs: 20 } },
    },
  },
];

describe('the server core', () => {
  it('asks to be woken when a static batch that is not full has waited long enough', () => {
    const harness = new Harness({
      settings: { batching: { kind: 'static', count: 4, waitMs: 20 } },
    });
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stop-and-wait' }));
    harness.settle();
    const askedAtMs = harness.nowMs;
    harness.send(1, draftOf({ ids: Int32Array.of(2) }));
    assert.equal(harness.wakeAtMs, askedAtMs + 20);
    harness.advance(19);
    assert.equal(harness.operations.length, 0);
    harness.advance(1);
    assert.equal(harness.operations.at(-1)?.kind, 'pass');
  });

  it('asks for a wake once, and again only for a sooner one', () => {
    const harness = new Harness();
    harness.connect(1);
    assert.equal(harness.wakeAtMs, 1000);
    harness.nowMs = 400;
    const effects = harness.feed({ kind: 'clogged', connection: 1 });
    assert.deepEqual(effects, []);
    harness.nowMs = 1000;
    assert.deepEqual(harness.feed({ kind: 'wake' }), [{ kind: 'wake', atMs: 2000 }]);
  });

  it('keeps count of what the engine has not answered, though all devices are gone', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    // A connection in two tables, its session in two more, ready and with a slot; two operations.
    assert.equal(harness.core.retainedCount, 8);
    harness.send(1, { kind: 'close', session: 0 });
    harness.disconnect(1);
    assert.equal(harness.operations.length, 2);
    assert.equal(harness.core.retainedCount, 2);
    harness.settle();
    assert.equal(harness.core.retainedCount, 0);
  });

  it('drops what still comes of a connection that is gone or has failed', () => {
    const harness = new Harness();
    harness.connect(1, { ...hello, key: 'stolen' });
    for (const connection of [1, 9]) {
      harness.take(connection);
      const fault = { code: 'frame-malformed', message: 'cut short', session: null } as const;
      for (const event of [
        { kind: 'frame', connection, frame: openFrame() },
        { kind: 'fault', connection, fault },
        { kind: 'clogged', connection },
        { kind: 'cleared', connection },
        { kind: 'disconnected', connection },
      ] as const) {
        const effects = harness.feed(event);
        assert.ok(effects.every(({ kind }) => kind === 'wake'));
      }
    }
    assert.equal(harness.core.stats().failureCount, 1);
    assert.equal(harness.core.retainedCount, 0);
  });

  it('takes no connections and sessions after it was told to stop', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame());
    harness.feed({ kind: 'stop' });
    assert.equal(harness.closed.get(1), 'draining');
    assert.equal(harness.core.stats().sessionCount, 0);
    harness.connect(2, null);
    assert.equal(harness.closed.get(2), 'draining');
  });

  it('takes no sessions while it drains, lets running ones end, and names other servers', () => {
    const harness = new Harness();
    const open = openFrame({ mode: 'stream', tokensMax: 5 });
    harness.connect(1);
    harness.send(1, open);
    harness.take(1);
    const alternatives = ['ws://other'];
    harness.feed({ kind: 'drain', alternatives });
    assert.deepEqual(harness.take(1), [{ kind: 'drain', retryAfterMs: 500, alternatives }]);
    harness.send(1, openFrame({ session: 1 }));
    const [refusal] = harness.take(1);
    assert.equal(refusal?.kind === 'failure' && refusal.code, 'server-busy');
    harness.settle();
    assert.deepEqual(tokensOf(harness.take(1)), targetText(open).slice(3));
  });
});

describe('server core, greedy and coupled', () => {
  for (const mode of modes) {
    it(`writes the target's text in mode ${mode}`, () => {
      const roll = roller(77);
      const harness = new Harness();
      const parties = interleave(harness, opensOf(roll, 4, [mode]), roll, false);
      checkTexts(parties);
      closeAll(harness, parties);
    });
  }

  for (const { name, options } of setups) {
    it(`writes the target's text however things interleave: ${name}`, () => {
      for (let seed = 1; seed <= 12; seed++) {
        const roll = roller(seed * 7919);
        const harness = new Harness(options);
        try {
          const parties = interleave(harness, opensOf(roll, 6), roll, true);
          checkTexts(parties);
          closeAll(harness, parties);
          // A refused pass would be healed from the token log, and so go unseen in the text.
          assert.equal(harness.core.stats().passFailureCount, 0);
        } catch (reason) {
          throw new Error(`seed ${seed}: ${(reason as Error).message}`, { cause: reason });
        }
      }
    });
  }
});
