// Checks an engine that refuses images, or loses slots at any moment: every text stays exact, no
// session ends for it, no token counts as cached that was computed, and nothing is kept.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Open } from '../../../protocol/frame.js';
import { Random } from '../../../sim/random.js';
import { Harness, openFrame, tokensOf } from '../core-harness.suite.js';
import type { EngineOperation } from '../event.js';
import { targetText } from '../scripted-target.suite.js';

interface Faults {
  /** Chance that an image is refused, however often it is tried. */
  readonly spoiltImage: number;
  /** Chance before each operation that a slot is lost. */
  readonly lostSlot: number;
  /** Chance that a copy is refused. */
  readonly refusedCopy: number;
}

const headLength = 40;
/** At least so many between two lost slots: a pass that fails twice may end its session. */
const calmOperations = 20;
const model = { slotCount: 3, contextLength: 160, passTokensMax: 24 };

/** A server whose engine has faults, and who computes what on it. */
class Faulty {
  readonly harness: Harness;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #spoilt = new Map<Uint8Array, boolean>();
  readonly #lost = new Set<number>();
  /** Seed of the session that a slot was opened for. */
  readonly #seedOf = new Map<number, bigint>();
  /** First position that was fed for a session before its first token, by its seed. */
  readonly fedFrom = new Map<bigint, number>();
  /** Seeds of sessions that have a token. */
  readonly begun = new Set<bigint>();
  failureCount = 0;
  /** How often each image was tried. */
  readonly triesOf = new Map<Uint8Array, number>();
  /** Tokens that slots kept in place. */
  keptCount = 0;
  #calmCount = calmOperations;

  constructor(seed: number, faults: Faults) {
    this.#random = new Random(seed, 'faults');
    this.#faults = faults;
    this.harness = new Harness({ model, settings: { swapBytesMax: 20_000, sessionsMax: 32 } });
  }

  step(): boolean {
    const [operation] = this.harness.operations;
    if (operation === undefined) return false;
    if (--this.#calmCount < 0 && this.#random.happens(this.#faults.lostSlot)) {
      this.#lost.add(this.#random.below(model.slotCount));
      this.#calmCount = calmOperations;
    }
    this.#note(operation);
    if (this.#fails(operation)) {
      this.failureCount++;
      this.harness.operations.shift();
      const { id } = operation;
      this.harness.feed({ kind: 'failed', id, code: 'engine-failed', message: 'told to fail' });
    } else this.harness.stepEngine();
    return true;
  }

  #note(operation: EngineOperation): void {
    if (operation.kind === 'open') this.keptCount += operation.keptLength;
    if (operation.kind === 'open' || operation.kind === 'restore') {
      this.#seedOf.set(operation.slot, operation.config.seed);
    }
    if (operation.kind !== 'pass') return;
    for (const { slot, from } of operation.segments) {
      const seed = this.#seedOf.get(slot)!;
      if (this.begun.has(seed)) continue;
      this.fedFrom.set(seed, Math.min(this.fedFrom.get(seed) ?? Infinity, from));
    }
  }

  #fails(operation: EngineOperation): boolean {
    switch (operation.kind) {
      case 'restore': {
        const { state, slot } = operation;
        this.triesOf.set(state, (this.triesOf.get(state) ?? 0) + 1);
        const isSpoilt = this.#spoilt.get(state) ?? this.#random.happens(this.#faults.spoiltImage);
        this.#spoilt.set(state, isSpoilt);
        if (!isSpoilt) this.#lost.delete(slot);
        return isSpoilt;
      }
      case 'open':
        if (operation.keptLength > 0) return this.#lost.has(operation.slot);
        this.#lost.delete(operation.slot);
        return false;
      case 'copy-prefix': {
        const isLost = this.#lost.has(operation.from) || this.#lost.has(operation.to);
        return isLost || this.#random.happens(this.#faults.refusedCopy);
      }
      case 'pass':
        return operation.segments.some(({ slot }) => this.#lost.has(slot));
      default:
        return this.#lost.has(operation.slot);
    }
  }
}

/** Prompts of three kinds that begin alike; every session has a seed of its own. */
function openOf(random: Random, session: number): Open {
  const kind = random.below(3);
  const head = Array.from({ length: headLength }, (_, at) => 1 + ((kind * 5 + at) % 7));
  const own = Array.from({ length: 1 + random.below(60) }, () => 1 + random.below(3));
  const ids = Int32Array.from(random.happens(0.2) ? head : [...head, ...own]);
  const prompt = { kind: 'ids', ids } as const;
  const tokensMax = 4 + random.below(12);
  return openFrame({ session, prompt, mode: 'stream', seed: BigInt(session + 1), tokensMax });
}

/** Runs sessions that overlap. @returns prompt tokens that counted as cached. */
function runSessions(faulty: Faulty, seed: number, sessionCount: number): number {
  const { harness } = faulty;
  const random = new Random(seed, 'work');
  harness.connect(1);
  const opens = Array.from({ length: sessionCount }, (_, index) => openOf(random, index));
  const texts = opens.map((): number[] => []);
  const live = new Set<number>();
  let cachedCount = 0;
  const hear = (): void => {
    for (const frame of harness.take(1)) {
      assert.notEqual(frame.kind, 'failure', `seed ${seed}: ${JSON.stringify(frame)}`);
      if (frame.kind !== 'verdict') continue;
      const { session } = frame;
      texts[session]!.push(...tokensOf([frame]));
      faulty.begun.add(BigInt(session + 1));
      if (frame.end === null) continue;
      const { prompt } = opens[session]!;
      const promptLength = prompt.kind === 'ids' ? prompt.ids.length : 0;
      assert.deepEqual(texts[session], targetText(opens[session]!, model).slice(promptLength));
      const cached = harness.core.cachedCountOf({ connection: 1, session })!;
      const fedFrom = faulty.fedFrom.get(BigInt(session + 1))!;
      assert.ok(cached <= fedFrom, `seed ${seed}: ${cached} cached, but fed from ${fedFrom}`);
      cachedCount += cached;
      harness.send(1, { kind: 'close', session });
      live.delete(session);
    }
  };
  for (let next = 0; next < sessionCount || live.size > 0; ) {
    if (next < sessionCount && live.size < 6 && random.happens(0.3)) {
      live.add(next);
      harness.send(1, opens[next++]!);
    } else if (!faulty.step()) harness.advance(100);
    hear();
  }
  while (faulty.step());
  harness.disconnect(1);
  while (faulty.step());
  assert.equal(harness.core.retainedCount, 0, `seed ${seed}`);
  return cachedCount;
}

describe('an engine that loses caches', () => {
  for (const [name, faults] of [
    ['nothing', { spoiltImage: 0, lostSlot: 0, refusedCopy: 0 }],
    ['every second image', { spoiltImage: 0.5, lostSlot: 0, refusedCopy: 0 }],
    ['every image', { spoiltImage: 1, lostSlot: 0, refusedCopy: 0 }],
    ['every copy', { spoiltImage: 0, lostSlot: 0, refusedCopy: 1 }],
    ['a slot now and then', { spoiltImage: 0, lostSlot: 0.03, refusedCopy: 0 }],
    ['all of these', { spoiltImage: 0.5, lostSlot: 0.03, refusedCopy: 0.3 }],
  ] as const) {
    it(`writes the same texts where it loses ${name}`, () => {
      for (let seed = 1; seed <= 8; seed++) {
        const faulty = new Faulty(seed, faults);
        const cached = runSessions(faulty, seed, 24);
        assert.equal(faulty.failureCount > 0, name !== 'nothing', `seed ${seed}`);
        if (name === 'nothing') assert.ok(cached > 200, `${cached} tokens`);
      }
    });
  }

  it('tries what it has refused only once', () => {
    const faulty = new Faulty(1, { spoiltImage: 1, lostSlot: 0, refusedCopy: 1 });
    runSessions(faulty, 1, 24);
    const { lostCacheCount, restoreCount, sharedTokenCount } = faulty.harness.core.stats();
    assert.equal(lostCacheCount, faulty.failureCount);
    assert.equal(restoreCount, 0, 'no image was of use');
    assert.ok(sharedTokenCount <= faulty.keptCount, 'no copy was of use');
    assert.ok(Math.max(...faulty.triesOf.values()) === 1);
  });
});
