// A device and the shipped server core in one virtual time: scripted engines, a link with delays and losses, a drafter
// with a pace. What the user is told is replayed and checked on the way. Deterministic by its seed.

import assert from 'node:assert/strict';
import type { DraftedToken } from '../../engine/engine.js';
import { EngineCore } from '../../engine/engine-core.js';
import { lookUp, ngramDefaults } from '../../engine/look-up.js';
import { referenceRowMath } from '../../engine/row-math.js';
import { scriptedDefaults } from '../../engine/scripted-engine.js';
import { ScriptedModel, type ScriptedModelOptions } from '../../engine/scripted-model.js';
import { scriptedVocabulary } from '../../engine/scripted-vocabulary.js';
import { pointLaw } from '../../math/law.js';
import { plainSampling } from '../../math/sampling.js';
import { decodeDeviceFrame, decodeServerFrame, encodeFrame } from '../../protocol/codec.js';
import { type DeviceFrame, modes, type ServerFrame, schemes } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import type { EngineOperation, Effect as ServerEffect } from '../../server/core/event.js';
import { ServerCore } from '../../server/core/server-core.js';
import type { CoreSettings as ServerSettings } from '../../server/core/settings.js';
import { DeviceCore } from './device-core.js';
import type { CoreEvent, DraftStart, Effect, GenerateRequest, ToldToken } from './event.js';
import type { CoreSettings } from './settings.js';

/** Small, seeded, good enough to shuffle tests with. */
export function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface WorldOptions {
  readonly seed: number;
  readonly target: Partial<ScriptedModelOptions>;
  readonly draft: Partial<ScriptedModelOptions>;
  readonly drafter: 'engine' | 'ngram' | 'none';
  readonly draftMs: number;
  readonly passMs: number;
  readonly rowMs: number;
  readonly roundTripMs: number;
  /** Added to each way, uniform in [0, this). */
  readonly jitterMs: number;
  /** Times at which the link breaks. */
  readonly cuts: readonly number[];
  /** [from, to) in which nobody answers a dial; links that stand are cut at `from`. */
  readonly outages: readonly (readonly [number, number])[];
  /** [from, to) in which messages to the device are held back. */
  readonly holdups: readonly (readonly [number, number])[];
  readonly device: Partial<CoreSettings>;
  readonly server: Partial<ServerSettings>;
}

export const worldDefaults: WorldOptions = {
  seed: 1,
  target: {},
  draft: { divergence: 0.3 },
  drafter: 'engine',
  draftMs: 8,
  passMs: 30,
  rowMs: 0,
  roundTripMs: 20,
  jitterMs: 0,
  cuts: [],
  outages: [],
  holdups: [],
  device: {},
  server: {},
};

export const request: GenerateRequest = {
  prompt: { kind: 'ids', ids: Int32Array.of(0, 3, 5) },
  sampling: { ...plainSampling, logitBias: new Map([[1, -Infinity]]) },
  seed: 11n,
  scheme: 'coupled',
  mode: 'race',
  tokensMax: 40,
  windowMax: 32,
  cut: null,
  stopRule: { kind: 'adaptive', draftLengthMax: 8 },
  fallback: 'wait',
};

function engineOf(options: Partial<ScriptedModelOptions>): EngineCore {
  const all = { ...scriptedDefaults, ...options };
  return new EngineCore({
    model: new ScriptedModel(all),
    math: referenceRowMath(all.vocabSize),
    endOfText: scriptedVocabulary(all.vocabSize).endOfText,
    now: () => 0,
  });
}

/** What became of an answer. */
export interface Told {
  tokens: ToldToken[];
  /** Tokens told, in order, with everything taken back since. */
  provisionalCount: number;
  promptLength: number;
  end: Extract<Effect, { kind: 'ended' | 'failed' }> | null;
}

interface Job {
  readonly slot: number;
  text: number[];
  run: number | null;
}

export class World {
  nowMs = 0;
  readonly options: WorldOptions;
  readonly core: DeviceCore;
  readonly server: ServerCore;
  readonly told = new Map<number, Told>();
  readonly frames: { up: DeviceFrame[]; down: ServerFrame[] } = { up: [], down: [] };
  readonly gaveUp: Effect[] = [];
  readonly jobs = new Map<number, Job>();
  draftStarts = 0;
  passCount = 0;
  rowCount = 0;
  readonly #random: () => number;
  readonly #events: { atMs: number; order: number; run: () => void }[] = [];
  readonly #targetEngine: EngineCore;
  readonly #draftEngine: EngineCore;
  readonly #vocabulary = scriptedVocabulary(16);
  readonly #operations: EngineOperation[] = [];
  #isEngineBusy = false;
  #order = 0;
  #connection = 0;
  #isUp = false;
  #upMs = 0;
  #downMs = 0;
  #wakeId = 0;
  #serverWakeId = 0;
  #keyCount = 0;

  constructor(changes: Partial<WorldOptions> = {}) {
    this.options = { ...worldDefaults, ...changes };
    const { target, draft, seed, server, device } = this.options;
    this.#random = mulberry(seed);
    this.#targetEngine = engineOf(target);
    this.#draftEngine = engineOf(draft);
    this.server = new ServerCore({ ...this.#serverSettings(), ...server });
    this.core = new DeviceCore({ ...this.#deviceSettings(), ...device }, 0);
    for (const atMs of this.options.cuts) this.#at(atMs, () => this.#cut());
    for (const [from] of this.options.outages) this.#at(from, () => this.#cut());
    this.#perform(this.core.start(0));
  }

  #deviceSettings(): CoreSettings {
    const { drafter } = this.options;
    const contextLength = this.#draftContext;
    return {
      key: '',
      name: 'device',
      vocabulary: this.#vocabulary,
      drafter: drafter === 'none' ? null : { contextLength },
      endOfText: this.#vocabulary.endOfText,
      keepsTrying: false,
      patienceMs: 100,
      awayMaxMs: Infinity,
      verdictTimeoutMs: 1000,
      linkTimeoutMs: 20_000,
      pingMs: 500,
      backoffMinMs: 50,
      backoffMaxMs: 400,
      chance: this.#random,
    };
  }

  #serverSettings(): ServerSettings {
    const all = { ...scriptedDefaults, ...this.options.target };
    return {
      model: {
        modelName: 'scripted',
        fingerprint: this.#vocabulary.fingerprint,
        vocabSize: all.vocabSize,
        endOfText: this.#vocabulary.endOfText,
        slotCount: all.slotCount,
        contextLength: all.contextLength,
        passTokensMax: all.passTokensMax,
        passRowsMax: all.passRowsMax,
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
      versionMin: 1,
      versionMax: 1,
      connectionsMax: 64,
      sessionsMax: 64,
      batching: { kind: 'continuous' },
      passMsMax: 1e9,
      prefillShare: 0.25,
      prefillMsMax: 1e9,
      slotQuantumTokens: 4,
      swapBytesMax: 4096,
      retryAfterMs: 500,
      randomBytes: (count: number) => {
        const bytes = new Uint8Array(count);
        new DataView(bytes.buffer).setUint32(0, ++this.#keyCount);
        return bytes;
      },
      acceptsKey: (key: string) => key !== 'stolen',
      tokenize: (prompt: { text?: string; messages?: readonly { content: string }[] }) =>
        this.#vocabulary.tokenize(prompt.text ?? prompt.messages![0]!.content, {
          addBos: true,
          parseSpecial: false,
        }),
      differingBlock: () => null,
      hashTokens: tokenLogHash,
    } as unknown as ServerSettings;
  }

  #at(atMs: number, run: () => void): void {
    this.#events.push({ atMs, order: this.#order++, run });
  }

  /** Runs until nothing happens any more or the time is over. */
  run(untilMs = 600_000): void {
    for (let count = 0; ; count++) {
      assert.ok(count < 200_000, `still busy at ${this.nowMs} ms`);
      let next = -1;
      for (let index = 0; index < this.#events.length; index++) {
        const [one, best] = [this.#events[index]!, this.#events[next]];
        const isEarlier =
          !best || one.atMs < best.atMs || (one.atMs === best.atMs && one.order < best.order);
        if (isEarlier) next = index;
      }
      if (next < 0 || this.#events[next]!.atMs > untilMs) break;
      const [event] = this.#events.splice(next, 1);
      this.nowMs = Math.max(this.nowMs, event!.atMs);
      event!.run();
      if (this.core.answerCount === 0 && this.told.size > 0) break;
    }
  }

  generate(answer: number, changes: Partial<GenerateRequest> = {}): Told {
    const told: Told = { tokens: [], provisionalCount: 0, promptLength: 0, end: null };
    this.told.set(answer, told);
    this.feed({ kind: 'generate', answer, request: { ...request, ...changes } });
    return told;
  }

  feed(event: CoreEvent): void {
    this.#perform(this.core.handle(event, this.nowMs));
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'dial':
        this.#dial();
        break;
      case 'hang-up':
        this.#at(this.nowMs, () => this.#cut());
        break;
      case 'send':
        this.#sendUp(effect.bytes);
        break;
      case 'draft-open':
        this.#openJob(effect);
        break;
      case 'draft-start':
        this.#startDraft(effect);
        break;
      case 'draft-stop': {
        const job = this.jobs.get(effect.answer)!;
        if (job.run === effect.run) job.run = null;
        break;
      }
      case 'draft-close':
        assert.ok(this.jobs.delete(effect.answer), 'a slot is freed once');
        break;
      case 'wake':
        this.#wake(effect.atMs);
        break;
      case 'gave-up':
        this.gaveUp.push(effect);
        break;
      case 'welcomed':
        break;
      default:
        this.#hear(effect);
    }
  }

  #wake(atMs: number | null): void {
    const id = ++this.#wakeId;
    if (atMs === null) return;
    this.#at(Math.max(atMs, this.nowMs), () => {
      if (id === this.#wakeId) this.feed({ kind: 'timer' });
    });
  }

  // Link

  #isOut(): boolean {
    return this.options.outages.some(([from, to]) => this.nowMs >= from && this.nowMs < to);
  }

  #dial(): void {
    const connection = ++this.#connection;
    this.#at(this.nowMs + this.options.roundTripMs, () => {
      if (connection !== this.#connection) return;
      if (this.#isOut()) {
        this.feed({ kind: 'link-down', reason: 'nobody answers' });
        return;
      }
      this.#isUp = true;
      this.#upMs = this.#downMs = this.nowMs;
      this.#feedServer({ kind: 'connected', connection });
      this.feed({ kind: 'link-up' });
    });
  }

  #cut(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    const connection = this.#connection++;
    this.#feedServer({ kind: 'disconnected', connection });
    this.feed({ kind: 'link-down', reason: 'cut' });
  }

  #delayMs(): number {
    return this.options.roundTripMs / 2 + this.#random() * this.options.jitterMs;
  }

  #sendUp(bytes: Uint8Array): void {
    const connection = this.#connection;
    this.#upMs = Math.max(this.#upMs, this.nowMs + this.#delayMs());
    this.#at(this.#upMs, () => {
      if (connection !== this.#connection) return;
      const decoded = decodeDeviceFrame(bytes);
      assert.ok('ok' in decoded, 'fault' in decoded ? decoded.fault.message : '');
      this.frames.up.push(decoded.ok);
      this.#feedServer({ kind: 'frame', connection, frame: decoded.ok });
    });
  }

  #sendDown(connection: number, frame: ServerFrame): void {
    if (connection !== this.#connection) return;
    const bytes = encodeFrame(frame);
    this.#downMs = Math.max(this.#downMs, this.nowMs + this.#delayMs());
    for (const [from, to] of this.options.holdups) {
      if (this.#downMs >= from && this.#downMs < to) this.#downMs = to;
    }
    this.#at(this.#downMs, () => {
      if (connection !== this.#connection) return;
      const decoded = decodeServerFrame(bytes);
      assert.ok('ok' in decoded, 'fault' in decoded ? decoded.fault.message : '');
      this.frames.down.push(decoded.ok);
      this.feed({ kind: 'message', bytes });
    });
  }

  // Server

  #feedServer(event: Parameters<ServerCore['handle']>[0]): void {
    for (const effect of this.server.handle(event, this.nowMs)) this.#serverEffect(effect);
    this.server.checkIntegrity();
  }

  #serverEffect(effect: ServerEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#sendDown(effect.connection, effect.frame);
        break;
      case 'close':
        this.#at(this.#downMs, () => {
          if (effect.connection === this.#connection) this.#cut();
        });
        break;
      case 'engine':
        this.#operations.push(effect.operation);
        this.#runEngine();
        break;
      case 'wake': {
        const id = ++this.#serverWakeId;
        if (effect.atMs === Infinity) break;
        this.#at(effect.atMs, () => {
          if (id === this.#serverWakeId) this.#feedServer({ kind: 'wake' });
        });
      }
    }
  }

  #runEngine(): void {
    if (this.#isEngineBusy) return;
    const operation = this.#operations.shift();
    if (operation === undefined) return;
    this.#isEngineBusy = true;
    let atMs = this.nowMs;
    if (operation.kind === 'pass') {
      const rows = operation.segments.reduce((sum, { tokens }) => sum + tokens.length, 0);
      this.passCount++;
      this.rowCount += rows;
      atMs += this.options.passMs + rows * this.options.rowMs;
    }
    this.#at(atMs, () => {
      this.#isEngineBusy = false;
      this.#feedServer(this.#operate(operation));
      this.#runEngine();
    });
  }

  #operate(operation: EngineOperation): Parameters<ServerCore['handle']>[0] {
    const { id } = operation;
    const engine = this.#targetEngine;
    let bytes: Uint8Array | null = null;
    if (operation.kind === 'pass') {
      return { kind: 'passed', id, result: engine.pass(operation.segments) };
    }
    if (operation.kind === 'open') engine.open(operation.slot, operation.config);
    if (operation.kind === 'truncate') engine.truncate(operation.slot, operation.length);
    if (operation.kind === 'copy-prefix') {
      engine.copyPrefix(operation.from, operation.to, operation.length);
    }
    if (operation.kind === 'save') bytes = engine.save(operation.slot);
    if (operation.kind === 'restore') {
      engine.restore(operation.slot, operation.state, operation.config);
    }
    return { kind: 'done', id, bytes };
  }

  // Drafter

  get #draftContext(): number {
    return this.options.draft.contextLength ?? scriptedDefaults.contextLength;
  }

  #openJob({ answer, config }: Extract<Effect, { kind: 'draft-open' }>): void {
    const used = new Set([...this.jobs.values()].map(({ slot }) => slot));
    const slot = [0, 1, 2, 3].find((index) => !used.has(index))!;
    this.jobs.set(answer, { slot, text: [], run: null });
    this.#draftEngine.open(slot, config);
  }

  #startDraft(start: DraftStart): void {
    const job = this.jobs.get(start.answer)!;
    assert.equal(job.run, null, 'a run is started after the one before has ended or was stopped');
    assert.ok(start.from <= job.text.length, 'the drafter knows what lies below `from`');
    assert.ok(start.countMax >= 1);
    job.text = [...job.text.slice(0, start.from), ...start.tokens];
    job.run = start.run;
    this.draftStarts++;
    if (this.options.drafter === 'ngram') this.#guess(start, job);
    else this.#draftNext(start, job, start.countMax);
  }

  #guess(start: DraftStart, job: Job): void {
    const { answer, run, scheme } = start;
    const isRatio = scheme === 'split' || scheme === 'full';
    this.#at(this.nowMs + 0.1, () => {
      if (job.run !== run) return;
      const guess = lookUp(job.text, start.countMax, { ...ngramDefaults, suffixMin: 1 });
      for (const token of guess) {
        if (job.run !== run) return;
        const position = job.text.push(token) - 1;
        const law = isRatio ? pointLaw(token) : null;
        const drafted = { position, token, confidence: null, law, prob: isRatio ? 1 : null };
        this.feed({ kind: 'drafted', answer, run, token: drafted });
      }
      if (job.run !== run) return;
      job.run = null;
      const reason = guess.length > 0 ? 'count' : 'confidence';
      this.feed({ kind: 'draft-ended', answer, run, reason });
    });
  }

  #draftNext(start: DraftStart, job: Job, left: number): void {
    const { answer, run } = start;
    this.#at(this.nowMs + this.options.draftMs, () => {
      if (job.run !== run) return;
      const { drafted, reason } = this.#draftOne(start, job);
      job.text.push(drafted.token);
      this.feed({ kind: 'drafted', answer, run, token: drafted });
      if (job.run !== run) return;
      const isFull = job.text.length > this.#draftContext;
      if (reason === 'count' && left > 1 && !isFull) {
        this.#draftNext(start, job, left - 1);
        return;
      }
      job.run = null;
      this.feed({ kind: 'draft-ended', answer, run, reason: isFull ? 'context' : reason });
    });
  }

  /** From an empty cache every time: slow, and never wrong. */
  #draftOne({ confidenceMin, wantConfidence, scheme, attempt }: DraftStart, { slot, text }: Job) {
    const engine = this.#draftEngine;
    engine.truncate(slot, 0);
    const { drafted, reason } = engine.draft(
      {
        slot: slot as never,
        from: 0,
        tokens: Int32Array.from(text),
        countMax: 1,
        stop: { confidenceMin },
        scheme,
        attempt,
        wantConfidence,
      },
      { stopped: () => false, onToken: () => undefined },
    );
    return { drafted: drafted[0]! as DraftedToken, reason };
  }

  // User

  #hear(
    effect: Exclude<
      Effect,
      {
        kind:
          | 'dial'
          | 'hang-up'
          | 'send'
          | 'wake'
          | 'gave-up'
          | 'welcomed'
          | 'draft-open'
          | 'draft-start'
          | 'draft-stop'
          | 'draft-close';
      }
    >,
  ): void {
    const told = this.told.get(effect.answer)!;
    assert.equal(told.end, null, 'nothing is told after the end');
    switch (effect.kind) {
      case 'prompt':
        told.promptLength = effect.promptLength;
        break;
      case 'tokens':
        for (const token of effect.tokens) {
          assert.equal(token.position, told.promptLength + told.tokens.length, 'no gap, no repeat');
          const isAfterProvisional = told.provisionalCount > 0;
          assert.ok(
            token.origin === 'provisional' || !isAfterProvisional,
            'final behind provisional',
          );
          told.tokens.push(token);
          if (token.origin === 'provisional') told.provisionalCount++;
        }
        break;
      case 'confirmed':
        assert.equal(
          effect.to,
          told.promptLength +
            told.tokens.length -
            told.provisionalCount +
            (effect.to - effect.from),
        );
        assert.ok(effect.to - effect.from <= told.provisionalCount);
        told.provisionalCount -= effect.to - effect.from;
        break;
      case 'retracted': {
        const count = told.promptLength + told.tokens.length - effect.from;
        assert.ok(count >= 1 && count <= told.provisionalCount, 'only provisional tokens go back');
        told.tokens.length -= count;
        told.provisionalCount -= count;
        break;
      }
      default:
        told.end = effect;
    }
  }
}

/** What the target writes alone. */
export function targetOnly(
  changes: Partial<GenerateRequest>,
  target: Partial<ScriptedModelOptions> = {},
): number[] {
  const { prompt, sampling, seed, scheme, tokensMax } = { ...request, ...changes };
  assert.ok(prompt.kind === 'ids');
  const options = { ...scriptedDefaults, ...target };
  const engine = engineOf(target);
  const text = [...prompt.ids];
  engine.open(0, { sampling, seed, promptLength: text.length });
  const end = Math.min(text.length + tokensMax, options.contextLength);
  const { endOfText } = scriptedVocabulary(options.vocabSize);
  let from = 0;
  while (text.length < end) {
    const tokens = Int32Array.from(text.slice(from, from + options.passTokensMax));
    const isLast = from + tokens.length === text.length;
    const name = scheme === 'coupled' ? 'coupled' : 'greedy';
    const judge = isLast ? ({ scheme: name, draftCount: 0 } as const) : null;
    const { final } = engine.pass([{ slot: 0 as never, from, tokens, judge }]).outcomes[0]!;
    from += tokens.length;
    if (final === null || final.kind === 'law') continue;
    text.push(final.token);
    if (endOfText.has(final.token)) break;
  }
  return text.slice(prompt.ids.length);
}
