// The server core in a test: a scripted engine whose operations run when the test says so, connections whose frames the
// test delivers, and the target's own text to compare with. Integrity is checked after every event.

import { PilotfishError } from '../../base/error.js';
import { EngineCore } from '../../engine/engine-core.js';
import { referenceRowMath } from '../../engine/row-math.js';
import { scriptedDefaults } from '../../engine/scripted-engine.js';
import { ScriptedModel, type ScriptedModelOptions } from '../../engine/scripted-model.js';
import { scriptedVocabulary } from '../../engine/scripted-vocabulary.js';
import { plainSampling, type Sampling } from '../../math/sampling.js';
import {
  type DeviceFrame,
  type Hello,
  modes,
  type Open,
  type ServerFrame,
  schemes,
} from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import type { Effect, EngineOperation, ServerEvent } from './event.js';
import { ServerCore } from './server-core.js';
import type { CoreSettings } from './settings.js';

export const bannedEnd: Sampling = { ...plainSampling, logitBias: new Map([[1, -Infinity]]) };

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
    ...changes,
  };
}

export interface HarnessOptions {
  readonly model?: Partial<ScriptedModelOptions>;
  readonly settings?: Partial<CoreSettings>;
  /** Milliseconds a pass takes. */
  readonly passMs?: number;
}

export class Harness {
  nowMs = 0;
  readonly core: ServerCore;
  readonly engine: EngineCore;
  readonly model: ScriptedModel;
  readonly settings: CoreSettings;
  readonly operations: EngineOperation[] = [];
  /** Frames sent and not yet taken by the test, per connection. */
  readonly inboxes = new Map<number, ServerFrame[]>();
  readonly closed = new Map<number, string | null>();
  wakeAtMs = Infinity;
  passCount = 0;
  /** Passes that are to fail, by count. */
  readonly failingPasses = new Set<number>();
  readonly #passMs: number;
  #randomCount = 0;

  constructor({ model = {}, settings = {}, passMs = 10 }: HarnessOptions = {}) {
    const options = { ...scriptedDefaults, ...model };
    this.#passMs = passMs;
    this.model = new ScriptedModel(options);
    const vocabulary = scriptedVocabulary(options.vocabSize);
    this.engine = new EngineCore({
      model: this.model,
      math: referenceRowMath(options.vocabSize),
      endOfText: vocabulary.endOfText,
      now: () => 0,
    });
    this.settings = {
      model: {
        modelName: 'scripted',
        fingerprint: vocabulary.fingerprint,
        vocabSize: options.vocabSize,
        endOfText: vocabulary.endOfText,
        slotCount: options.slotCount,
        contextLength: options.contextLength,
        passTokensMax: options.passTokensMax,
        passRowsMax: options.passRowsMax,
      },
      schemes,
      modes,
      limits: {
        frameBytes: limits.frameBytes.value,
        sessions: 8,
        promptTokens: 4096,
        draftTokens: 32,
        windowTokens: 64,
        resumeMs: 60_000,
        silenceMs: 0,
      },
      connectionsMax: 64,
      sessionsMax: 64,
      batching: { kind: 'continuous' },
      passMsMax: 1e9,
      prefillShare: 0.25,
      prefillMsMax: 1e9,
      slotQuantumTokens: 4,
      swapBytesMax: 4096,
      retryAfterMs: 500,
      randomBytes: (count) => {
        const bytes = new Uint8Array(count);
        new DataView(bytes.buffer).setUint32(0, ++this.#randomCount);
        return bytes;
      },
      acceptsKey: (key) => key !== 'stolen',
      tokenize: (prompt) => {
        const text = prompt.kind === 'text' ? prompt.text : prompt.messages[0]!.content;
        return vocabulary.tokenize(text, { addBos: true, parseSpecial: false });
      },
      differingBlock: () => null,
      ...settings,
    };
    this.core = new ServerCore(this.settings);
  }

  feed(event: ServerEvent): Effect[] {
    const effects = this.core.handle(event, this.nowMs);
    for (const effect of effects) this.#apply(effect);
    this.core.checkIntegrity();
    return effects;
  }

  #apply(effect: Effect): void {
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
      case 'wake':
        this.wakeAtMs = effect.atMs;
    }
  }

  /** Opens a connection and greets. */
  connect(connection: number, greeting: Hello | null = hello): void {
    this.inboxes.set(connection, []);
    this.feed({ kind: 'connected', connection });
    if (greeting) this.send(connection, greeting);
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

  #answer(operation: EngineOperation): ServerEvent {
    const { id } = operation;
    try {
      if (operation.kind !== 'pass') return { kind: 'done', id, bytes: this.#run(operation) };
      this.nowMs += this.#passMs;
      if (this.failingPasses.has(++this.passCount)) {
        throw new PilotfishError('engine-failed', 'told to fail');
      }
      return { kind: 'passed', id, result: this.engine.pass(operation.segments) };
    } catch (reason) {
      if (!(reason instanceof PilotfishError)) throw reason;
      return { kind: 'failed', id, code: reason.code, message: reason.message };
    }
  }

  #run(operation: Exclude<EngineOperation, { kind: 'pass' }>): Uint8Array | null {
    const { engine } = this;
    switch (operation.kind) {
      case 'open':
        engine.open(operation.slot, operation.config);
        return null;
      case 'truncate':
        engine.truncate(operation.slot, operation.length);
        return null;
      case 'copy-prefix':
        engine.copyPrefix(operation.from, operation.to, operation.length);
        return null;
      case 'save':
        return engine.save(operation.slot);
      case 'restore':
        engine.restore(operation.slot, operation.state, operation.config);
        return null;
    }
  }

  /** Runs the engine until it has nothing to do, or the given number of passes is through. */
  settle(passesMax = 10_000): void {
    const until = this.passCount + passesMax;
    while (this.passCount < until && this.stepEngine());
  }

  /** Lets time pass, with every wake on the way. */
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

/** What the target writes alone: prompt and answer. */
export function targetText(open: Open, model: Partial<ScriptedModelOptions> = {}): number[] {
  const options = { ...scriptedDefaults, ...model };
  const { endOfText } = scriptedVocabulary(options.vocabSize);
  const engine = new EngineCore({
    model: new ScriptedModel(options),
    math: referenceRowMath(options.vocabSize),
    endOfText,
    now: () => 0,
  });
  if (open.prompt.kind !== 'ids') throw new Error('prompts of ids only');
  const prompt = [...open.prompt.ids];
  const { sampling, seed, tokensMax } = open;
  engine.open(0, { sampling, seed, promptLength: prompt.length });
  const lengthMax = Math.min(prompt.length + tokensMax, options.contextLength);
  const text = prompt;
  let from = 0;
  while (text.length < lengthMax) {
    // Passes are short: long prompts go in pieces.
    const piece = text.slice(from, from + options.passTokensMax);
    const isLast = from + piece.length === text.length;
    const scheme = open.scheme === 'coupled' ? 'coupled' : 'greedy';
    const judge = isLast ? ({ scheme, draftCount: 0 } as const) : null;
    const tokens = Int32Array.from(piece);
    const { outcomes } = engine.pass([{ slot: 0 as never, from, tokens, judge }]);
    from += piece.length;
    const final = outcomes[0]!.final;
    if (!final || final.kind === 'law') continue;
    text.push(final.token);
    if (endOfText.has(final.token)) break;
  }
  return text;
}
