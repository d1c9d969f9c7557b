// Runs the server core in a test: a scripted engine whose operations run when the test says so, and
// connections whose frames the test delivers. Integrity is checked after every event.

import assert from 'node:assert/strict';
import type { KeyGrant } from '../../base/key-grant.js';
import type { EngineCore } from '../../engine/engine-core.js';
import type { ScriptedModelOptions } from '../../engine/scripted-model.js';
import { bannedEnd } from '../../engine/scripted-vocabulary.js';
import {
  type DeviceFrame,
  type Draft,
  type Hello,
  noPictures,
  type Open,
  type Resume,
  type ServerFrame,
  type Verdict,
} from '../../protocol/frame.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { answerOf } from '../../sim/sim-engine.js';
import { toyEngine } from '../../sim/toy.js';
import type { EngineOperation, ServerEffect, ServerInput } from './event.js';
import { PacedCore } from './paced-core.js';
import { scriptedSettings } from './scripted-target.suite.js';
import type { ServerCore } from './server-core.js';
import type { ServerCoreSettings } from './settings.js';

export { bannedEnd };

export const hello: Hello = {
  kind: 'hello',
  versionMin: 1,
  versionMax: 1,
  name: 'test',
  key: '',
  fingerprint: '',
  vocabSize: 0,
  blockHashes: new Uint32Array(0),
};

export function openFrame(changes: Partial<Open> = {}): Open {
  return {
    kind: 'open',
    session: 0,
    prompt: { kind: 'ids', ids: Int32Array.of(0, 3, 5) },
    answer: new Int32Array(0),
    sampling: bannedEnd,
    seed: 11n,
    scheme: 'coupled',
    mode: 'race',
    tokensMax: 24,
    windowMax: 64,
    cut: null,
    schema: null,
    topLogprobs: null,
    wantsHints: false,
    ...noPictures,
    padBytes: 0,
    aggregateMs: 0,
    ...changes,
  };
}

export interface HarnessOptions {
  readonly model?: Partial<ScriptedModelOptions>;
  readonly settings?: Partial<ServerCoreSettings>;
  /** Milliseconds a pass takes. */
  readonly passMs?: number;
  /** And for each token that it is fed. Default 0. */
  readonly tokenMs?: number;
  /** The draft model beside the target, and milliseconds of one of its passes. Default: none. */
  readonly draft?: { readonly model: Partial<ScriptedModelOptions>; readonly passMs: number };
}

type DraftEffect = Extract<ServerEffect, { kind: 'draft' }>;

export class Harness {
  nowMs = 0;
  readonly core: ServerCore;
  readonly #paced: PacedCore;
  readonly engine: EngineCore;
  readonly settings: ServerCoreSettings;
  readonly operations: EngineOperation[] = [];
  /** Frames sent and not yet taken by the test, per connection. */
  readonly inboxes = new Map<number, ServerFrame[]>();
  readonly closed = new Map<number, string | null>();
  wakeAtMs = Infinity;
  passCount = 0;
  /** Passes that are to fail, by count. */
  readonly failingPasses = new Set<number>();
  /** Drafts asked of the draft model. */
  readonly drafts: DraftEffect[] = [];
  /** Whether the draft model fails. */
  isDraftFailing = false;
  readonly #passMs: number;
  readonly #tokenMs: number;
  readonly #draft: { readonly engine: EngineCore; readonly passMs: number } | null;

  constructor(options: HarnessOptions = {}) {
    const { model = {}, settings = {}, passMs = 10, tokenMs = 0, draft } = options;
    this.#passMs = passMs;
    this.#tokenMs = tokenMs;
    this.#draft = draft ? { engine: toyEngine(draft.model), passMs: draft.passMs } : null;
    this.engine = toyEngine(model);
    this.settings = { ...scriptedSettings(model), ...settings };
    this.#paced = new PacedCore(this.settings);
    this.core = this.#paced.core;
  }

  feed(event: ServerInput): ServerEffect[] {
    const effects = this.#paced.handle(event, this.nowMs);
    for (const effect of effects) this.#apply(effect);
    this.core.checkIntegrity();
    return effects;
  }

  #apply(effect: ServerEffect): void {
    switch (effect.kind) {
      case 'send':
        this.inboxes.get(effect.connection)?.push(effect.frame);
        return;
      case 'close':
        this.closed.set(effect.connection, effect.code);
        return;
      case 'engine':
        this.operations.push(effect.operation);
        return;
      case 'draft':
        this.drafts.push(effect);
        return;
      case 'wake':
        this.wakeAtMs = effect.atMs;
    }
  }

  /** Opens a connection and greets. */
  connect(connection: number, greeting: Hello | null = hello, grant: KeyGrant | null = null): void {
    this.inboxes.set(connection, []);
    this.feed({ kind: 'connected', connection, grant });
    if (greeting) this.send(connection, greeting);
  }

  /** Opens a connection of this process. */
  connectLocal(connection: number, grant: KeyGrant | null = null): void {
    this.inboxes.set(connection, []);
    this.feed({ kind: 'connected-local', connection, grant });
  }

  disconnect(connection: number): void {
    this.inboxes.delete(connection);
    this.feed({ kind: 'disconnected', connection });
  }

  send(connection: number, frame: DeviceFrame): void {
    this.feed({ kind: 'frame', connection, frame });
  }

  /** Frames since the last call. */
  take(connection: number): ServerFrame[] {
    return this.inboxes.get(connection)?.splice(0) ?? [];
  }

  /** Runs the engine's next operation and feeds its answer. @returns false where there is none. */
  stepEngine(): boolean {
    const operation = this.operations.shift();
    if (!operation) return false;
    this.feed(this.#answer(operation));
    return true;
  }

  #answer(operation: EngineOperation): ServerInput {
    if (operation.kind === 'pass') {
      const fed = operation.segments.reduce((sum, { tokens: { length } }) => sum + length, 0);
      this.nowMs += this.#passMs + this.#tokenMs * fed;
      if (this.failingPasses.has(++this.passCount)) {
        const { id } = operation;
        return { kind: 'failed', id, code: 'engine-failed', message: 'told to fail' };
      }
    }
    return answerOf(this.engine, operation, (hints) =>
      this.feed({ kind: 'hinted', id: operation.id, hints }),
    );
  }

  /** Runs the drafts that were asked for. @returns false where there are none. */
  stepDrafter(): boolean {
    const asked = this.drafts.shift();
    if (!asked) return false;
    const { id, requests } = asked;
    const { engine, passMs } = this.#draft!;
    if (this.isDraftFailing) {
      this.feed({ kind: 'draft-failed', id, message: 'told to fail' });
      return true;
    }
    const { ends, passes } = engine.draftEach(requests);
    const timed = passes.map((pass) => ({ ...pass, ms: passMs }));
    this.nowMs += passMs * passes.length;
    this.feed({ kind: 'drafted', id, result: { ends, passes: timed } });
    return true;
  }

  /** Runs the engine until it has nothing to do, or the given number of passes is through. */
  settle(passesMax = 10_000): void {
    const until = this.passCount + passesMax;
    while (this.passCount < until && (this.stepEngine() || this.stepDrafter()));
  }

  /** Lets time pass, with every wake in between. */
  advance(ms: number): void {
    const until = this.nowMs + ms;
    while (this.wakeAtMs <= until) {
      this.nowMs = Math.max(this.nowMs, this.wakeAtMs);
      this.wakeAtMs = Infinity;
      this.feed({ kind: 'wake' });
    }
    this.nowMs = until;
  }
}

export const draftOf = (changes: Partial<Draft>): Draft => ({
  kind: 'draft',
  session: 0,
  epoch: 0,
  from: 3,
  ids: new Int32Array(0),
  probs: null,
  laws: null,
  residual: null,
  more: false,
  chances: null,
  ...changes,
});

export function verdicts(frames: readonly ServerFrame[]): Verdict[] {
  return frames.filter((frame) => frame.kind === 'verdict');
}

export const tokensOf = (frames: readonly ServerFrame[]): number[] =>
  verdicts(frames).flatMap(({ tokens }) => [...tokens]);

export function keyOf(frames: readonly ServerFrame[]): Uint8Array {
  const opened = frames.find((frame) => frame.kind === 'opened');
  assert.ok(opened);
  return opened.resumeKey;
}

export function resumeOf(resumeKey: Uint8Array, committed: readonly number[], session = 0): Resume {
  return {
    kind: 'resume',
    session,
    resumeKey,
    committedLength: committed.length,
    logHash: tokenLogHash(Int32Array.from(committed)),
  };
}
