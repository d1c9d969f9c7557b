// Runs a device and the shipped server core in virtual time, over a link whose delays and failures
// a test sets by hand. Uses the simulator's engine, drafter and transcript, and checks what the
// user is told. Deterministic by its seed.

import assert from 'node:assert/strict';
import { scriptedDefaults } from '../../engine/scripted-engine.js';
import type { ScriptedModelOptions } from '../../engine/scripted-model.js';
import { bannedEnd } from '../../engine/scripted-vocabulary.js';
import { decodeDeviceFrame, decodeServerFrame, encodeFrame } from '../../protocol/codec.js';
import { type DeviceFrame, noShaping, type ServerFrame } from '../../protocol/frame.js';
import type { ServerEffect, ServerInput } from '../../server/core/event.js';
import { PacedCore } from '../../server/core/paced-core.js';
import { scriptedSettings, targetText } from '../../server/core/scripted-target.suite.js';
import type { ServerCore } from '../../server/core/server-core.js';
import type { ServerCoreSettings as ServerSettings } from '../../server/core/settings.js';
import { toyModels } from '../../sim/models.js';
import { Random } from '../../sim/random.js';
import { SimDrafter } from '../../sim/sim-drafter.js';
import { SimEngine } from '../../sim/sim-engine.js';
import { Timeline, type Timer } from '../../sim/timeline.js';
import { toyEngine, toyVocabulary } from '../../sim/toy.js';
import { Transcript } from '../../sim/transcript.js';
import { ByteMeter } from './byte-meter.js';
import { DeviceCore } from './device-core.js';
import { aheadDefaults } from './drafting/ahead/ahead-budget.js';
import type {
  AnswerEffect,
  DeviceEffect,
  DeviceInput,
  GenerateRequest,
  SendEffect,
} from './event.js';
import type { DeviceCoreSettings } from './settings.js';

/** Most events of a world: beyond them it must be looping. */
const stepsMax = 200_000;

export interface WorldOptions {
  readonly seed: number;
  readonly target: Partial<ScriptedModelOptions>;
  readonly draft: Partial<ScriptedModelOptions>;
  readonly drafter: 'engine' | 'suffix' | 'none';
  readonly draftMs: number;
  /** Of a further sequence in a pass of the draft model, as a share of draftMs. */
  readonly rowShare: number;
  /** Most sequences of such a pass. */
  readonly sequencesMax: number;
  readonly passMs: number;
  readonly rowMs: number;
  /** Of a pass, before its hints. */
  readonly exitPlace: number;
  readonly roundTripMs: number;
  /** Added to each way, uniform in [0, this). */
  readonly jitterMs: number;
  /** Of the way to the server: what is sent faster waits in line. */
  readonly upBytesPerMs: number;
  /** Times at which the link breaks. */
  readonly cuts: readonly number[];
  /** [from, to) in which no dial is answered; open links are cut at `from`. */
  readonly outages: readonly (readonly [number, number])[];
  /** [from, to) in which messages to the device are held back. */
  readonly holdups: readonly (readonly [number, number])[];
  /** Frames that a server adds to each of its frames to a session. */
  readonly alsoSays: (frame: ServerFrame, random: Random) => readonly ServerFrame[];
  readonly device: Partial<DeviceCoreSettings>;
  readonly server: Partial<ServerSettings>;
}

const worldDefaults: WorldOptions = {
  seed: 1,
  target: {},
  draft: { divergence: 0.3 },
  drafter: 'engine',
  draftMs: 8,
  rowShare: 0.1,
  sequencesMax: 4,
  passMs: 30,
  rowMs: 0,
  exitPlace: 0.5,
  roundTripMs: 20,
  jitterMs: 0,
  upBytesPerMs: Infinity,
  cuts: [],
  outages: [],
  holdups: [],
  alsoSays: () => [],
  device: {},
  server: {},
};

export const request: GenerateRequest = {
  prompt: { kind: 'ids', ids: Int32Array.of(0, 3, 5) },
  sampling: bannedEnd,
  seed: 11n,
  scheme: 'coupled',
  mode: 'race',
  tokensMax: 40,
  windowMax: 32,
  cut: null,
  stopRule: { kind: 'adaptive', draftLengthMax: 8 },
  fallback: 'wait',
};

export class DeviceWorld {
  readonly options: WorldOptions;
  readonly core: DeviceCore;
  readonly server: ServerCore;
  readonly #paced: PacedCore;
  readonly reported = new Map<number, Transcript>();
  readonly frames: { up: DeviceFrame[]; down: ServerFrame[] } = { up: [], down: [] };
  /** Messages as an observer of the network sees them leave. */
  readonly seen: { direction: 'up' | 'down'; atMs: number; byteCount: number }[] = [];
  readonly gaveUp: DeviceEffect[] = [];
  readonly drafter: SimDrafter;
  /** The longest that a message to the server has waited in line. */
  queuedMsMax = 0;
  readonly #timeline = new Timeline();
  readonly #random: Random;
  readonly #engine: SimEngine;
  /** Of messages that leave from now on. */
  roundTripMs: number;
  readonly #meter = new ByteMeter();
  #connection = 0;
  #isUp = false;
  /** When the way to the server has taken all that was sent. */
  #takenMs = 0;
  #upMs = 0;
  #downMs = 0;
  #deviceWake: Timer | null = null;
  #serverWake: Timer | null = null;

  constructor(changes: Partial<WorldOptions> = {}) {
    this.options = { ...worldDefaults, ...changes };
    const { target, seed, server, device, cuts, outages } = this.options;
    this.#random = new Random(seed, 'world');
    this.roundTripMs = this.options.roundTripMs;
    this.#engine = this.#targetEngine();
    this.drafter = this.#newDrafter();
    this.#paced = new PacedCore({ ...scriptedSettings(target), ...server });
    this.server = this.#paced.core;
    this.core = new DeviceCore({ ...this.#deviceSettings(), ...device });
    for (const atMs of [...cuts, ...outages.map(([from]) => from)]) {
      this.#timeline.at(atMs, () => this.#cut());
    }
    this.feed({ kind: 'start' });
  }

  get nowMs(): number {
    return this.#timeline.nowMs;
  }

  /** Passes take so many times longer from now on, and at least `floorMs`. */
  slowTarget(factor: number, floorMs = 0): void {
    this.#engine.slow(factor, floorMs);
  }

  #targetEngine(): SimEngine {
    const { target, passMs, rowMs, exitPlace } = this.options;
    const { exit } = { ...scriptedDefaults, ...target };
    const pass = { fixedMs: passMs, tokenMs: rowMs, rowMs: 0, tokenContextMs: 0 };
    return new SimEngine(
      this.#timeline,
      toyEngine(target),
      { pass, passNoise: 0, swapTokenMs: 0, exit: exit ? { ...exit, place: exitPlace } : null },
      this.#random,
      () => false,
      ({ event }) => this.#feedServer(event),
      (event) => this.#feedServer(event),
    );
  }

  #newDrafter(): SimDrafter {
    const { draft, drafter, draftMs, rowShare, sequencesMax } = this.options;
    const { divergence, contextLength } = { ...scriptedDefaults, ...draft };
    const timings =
      drafter === 'suffix' ? { startMs: 0.1, tokenMs: 0 } : { startMs: 0, tokenMs: draftMs };
    return new SimDrafter(
      this.#timeline,
      {
        kind: drafter === 'suffix' ? 'suffix' : 'engine',
        divergence,
        contextLength,
        ...timings,
        ...{ rowShare, contextMs: 0, feedMs: 0 },
        sequencesMax: drafter === 'suffix' ? 1 : sequencesMax,
      },
      toyModels,
      (event) => this.feed(event),
    );
  }

  #deviceSettings(): DeviceCoreSettings {
    const { drafter, draft, sequencesMax } = this.options;
    const { contextLength } = { ...scriptedDefaults, ...draft };
    return {
      key: '',
      name: 'device',
      vocabulary: toyVocabulary,
      drafter:
        drafter === 'none'
          ? null
          : { contextLength, sequencesMax: drafter === 'suffix' ? 1 : sequencesMax },
      endOfText: toyVocabulary.endOfText,
      keepsTrying: false,
      disconnectGraceMs: 100,
      awayMaxMs: Infinity,
      verdictTimeoutMs: 1000,
      linkTimeoutMs: 20_000,
      pingMs: 500,
      backoffMinMs: 50,
      backoffMaxMs: 400,
      shaping: noShaping,
      ahead: { ...aheadDefaults, tokensMax: 48, inRace: true },
      chance: () => this.#random.next(),
    };
  }

  /** Runs until nothing happens any more, all answers are over, or the time is up. */
  run(untilMs = 600_000): void {
    for (let count = 0; this.#timeline.step(untilMs); count++) {
      assert.ok(count < stepsMax, `still busy at ${this.nowMs} ms`);
      if (this.core.answerCount === 0 && this.reported.size > 0) break;
    }
  }

  generate(answer: number, changes: Partial<GenerateRequest> = {}): Transcript {
    const reported = new Transcript();
    this.reported.set(answer, reported);
    this.feed({ kind: 'generate', answer, request: { ...request, ...changes } });
    return reported;
  }

  feed(event: DeviceInput): void {
    this.#perform(this.core.handle(event, this.nowMs));
  }

  #perform(effects: readonly DeviceEffect[]): void {
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: DeviceEffect): void {
    switch (effect.kind) {
      case 'dial':
        this.#dial();
        break;
      case 'hang-up':
        this.#timeline.at(this.nowMs, () => this.#cut());
        break;
      case 'send':
        this.#sendUp(effect);
        break;
      case 'draft-open':
        this.drafter.open(effect.answer, effect.config);
        break;
      case 'draft-start':
        this.drafter.start(effect);
        break;
      case 'draft-stop':
        this.drafter.stop(effect.answer, effect.run);
        break;
      case 'draft-close':
        this.drafter.close(effect.answer);
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
        this.#hear(this.#meter.complete(effect));
    }
  }

  #hear(effect: AnswerEffect): void {
    assert.equal(this.reported.get(effect.answer)!.apply(effect), null);
  }

  #wake(atMs: number | null): void {
    this.#timeline.cancel(this.#deviceWake);
    if (atMs === null) return;
    this.#deviceWake = this.#timeline.at(atMs, () => this.feed({ kind: 'timer' }));
  }

  #isOut(): boolean {
    return this.options.outages.some(([from, to]) => this.nowMs >= from && this.nowMs < to);
  }

  #dial(): void {
    const connection = ++this.#connection;
    this.#timeline.at(this.nowMs + this.roundTripMs, () => {
      if (connection !== this.#connection) return;
      if (this.#isOut()) {
        this.feed({ kind: 'link-down', reason: 'no answer' });
        return;
      }
      this.#isUp = true;
      this.#takenMs = this.#upMs = this.#downMs = this.nowMs;
      this.#feedServer({ kind: 'connected', connection, grant: null });
      this.feed({ kind: 'link-up' });
    });
  }

  #cut(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    const connection = this.#connection++;
    this.#meter.disconnected();
    this.#feedServer({ kind: 'disconnected', connection });
    this.feed({ kind: 'link-down', reason: 'cut' });
  }

  #delayMs(): number {
    return this.roundTripMs / 2 + this.#random.next() * this.options.jitterMs;
  }

  #sendUp(effect: SendEffect): void {
    const connection = this.#connection;
    const bytes = encodeFrame(effect.frame, effect.padBytes);
    this.#meter.sent(effect, bytes.length);
    this.seen.push({ direction: 'up', atMs: this.nowMs, byteCount: bytes.length });
    const { upBytesPerMs } = this.options;
    this.#takenMs = Math.max(this.#takenMs, this.nowMs) + bytes.length / upBytesPerMs;
    this.queuedMsMax = Math.max(this.queuedMsMax, this.#takenMs - this.nowMs);
    this.#upMs = Math.max(this.#upMs, this.#takenMs + this.#delayMs());
    this.#timeline.at(this.#upMs, () => {
      if (connection !== this.#connection) return;
      const decoded = decodeDeviceFrame(bytes);
      assert.ok('ok' in decoded, 'fault' in decoded ? decoded.fault.message : '');
      this.frames.up.push(decoded.ok);
      this.#feedServer({ kind: 'frame', connection, frame: decoded.ok });
    });
  }

  #sendDown(connection: number, frame: ServerFrame, padBytes: number): void {
    if (connection !== this.#connection) return;
    const bytes = encodeFrame(frame, padBytes);
    this.seen.push({ direction: 'down', atMs: this.nowMs, byteCount: bytes.length });
    this.#downMs = Math.max(this.#downMs, this.nowMs + this.#delayMs());
    for (const [from, to] of this.options.holdups) {
      if (this.#downMs >= from && this.#downMs < to) this.#downMs = to;
    }
    this.#timeline.at(this.#downMs, () => {
      if (connection === this.#connection) this.message(bytes);
    });
  }

  /** As the shipped shell: a message arrives at the device. */
  message(bytes: Uint8Array): void {
    const decoded = decodeServerFrame(bytes);
    if ('fault' in decoded) {
      this.feed({ kind: 'fault', fault: decoded.fault });
      return;
    }
    this.frames.down.push(decoded.ok);
    this.#meter.received(decoded.ok, bytes.length);
    this.feed({ kind: 'frame', frame: decoded.ok });
  }

  #feedServer(event: ServerInput): void {
    for (const effect of this.#paced.handle(event, this.nowMs)) this.#serverEffect(effect);
    this.server.checkIntegrity();
  }

  #serverEffect(effect: ServerEffect): void {
    switch (effect.kind) {
      case 'send':
        for (const frame of [effect.frame, ...this.options.alsoSays(effect.frame, this.#random)]) {
          this.#sendDown(effect.connection, frame, effect.padBytes);
        }
        break;
      case 'close':
        this.#timeline.at(this.#downMs, () => {
          if (effect.connection === this.#connection) this.#cut();
        });
        break;
      case 'engine':
        this.#engine.run(effect.operation);
        break;
      case 'wake':
        this.#timeline.cancel(this.#serverWake);
        if (effect.atMs === Infinity) break;
        this.#serverWake = this.#timeline.at(effect.atMs, () => this.#feedServer({ kind: 'wake' }));
    }
  }
}

/** The answer that the target generates alone. */
export function targetOnly(
  changes: Partial<GenerateRequest>,
  target: Partial<ScriptedModelOptions> = {},
): number[] {
  const terms = { ...request, ...changes };
  assert.ok(terms.prompt.kind === 'ids');
  return targetText(terms, target).slice(terms.prompt.ids.length);
}
