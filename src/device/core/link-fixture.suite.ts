// Drives a device core with frames made by hand and keeps its last effects. Provides the settings,
// request and welcome of the link tests.

import type { DraftedToken } from '../../engine/engine.js';
import { scriptedVocabulary } from '../../engine/scripted-vocabulary.js';
import { plainSampling } from '../../math/sampling.js';
import {
  type DeviceFrame,
  modes,
  noShaping,
  type ServerFrame,
  schemes,
  type Verdict,
  type Welcome,
} from '../../protocol/frame.js';
import { DeviceCore } from './device-core.js';
import { aheadOff } from './drafting/ahead/ahead-budget.js';
import type { DeviceEffect, DeviceInput, GenerateRequest } from './event.js';
import type { DeviceCoreSettings } from './settings.js';

export const toyVocabulary = scriptedVocabulary(16);

export const settings: DeviceCoreSettings = {
  key: '',
  name: 'device',
  vocabulary: toyVocabulary,
  drafter: { contextLength: 256, sequencesMax: 1 },
  endOfText: toyVocabulary.endOfText,
  keepsTrying: true,
  disconnectGraceMs: 100,
  awayMaxMs: Infinity,
  verdictTimeoutMs: 1_000,
  linkTimeoutMs: 2_000,
  pingMs: 500,
  backoffMinMs: 50,
  backoffMaxMs: 400,
  shaping: noShaping,
  ahead: aheadOff,
  chance: () => 0.5,
};

export const request: GenerateRequest = {
  prompt: { kind: 'ids', ids: Int32Array.of(0, 3, 5) },
  sampling: plainSampling,
  seed: 11n,
  scheme: 'coupled',
  mode: 'race',
  tokensMax: 4,
  windowMax: 32,
  cut: null,
  stopRule: { kind: 'fixed', draftLengthMax: 1 },
  fallback: 'wait',
};

export const welcome: Welcome = {
  kind: 'welcome',
  version: 1,
  modelName: 'toy',
  fingerprint: toyVocabulary.fingerprint,
  vocabSize: toyVocabulary.size,
  schemes,
  modes,
  contextLength: 64,
  limits: {
    frameBytes: 1 << 20,
    sessions: 8,
    promptTokens: 64,
    draftTokens: 32,
    windowTokens: 64,
    resumeMs: 60_000,
    silenceMs: 0,
  },
  passUs: 0,
  seesPictures: false,
  padBytes: 0,
  aggregateMs: 0,
};

export const opened = (session = 0): ServerFrame => ({
  kind: 'opened',
  session,
  resumeKey: new Uint8Array(16),
  promptLength: 3,
  promptIds: new Int32Array(0),
  windowMax: 32,
  images: [],
});

export const verdict = (changes: Partial<Verdict>): Verdict => ({
  kind: 'verdict',
  session: 0,
  epoch: 0,
  from: 3,
  tokens: new Int32Array(0),
  acceptedCount: 0,
  rejectedCount: 0,
  queueUs: 0,
  verifyUs: 0,
  advisedDraftLength: null,
  end: null,
  law: null,
  logprobs: null,
  lawLogprobs: null,
  sources: null,
  ...changes,
});

/** A core and what it said last. */
export class LinkFixture {
  readonly core: DeviceCore;
  effects: DeviceEffect[] = [];
  #run = 0;

  constructor(changes: Partial<DeviceCoreSettings> = {}) {
    this.core = new DeviceCore({ ...settings, ...changes });
    this.effects = this.core.handle({ kind: 'start' }, 0);
  }

  feed(event: DeviceInput, nowMs = 0): this {
    this.effects = this.core.handle(event, nowMs);
    for (const effect of this.effects) if (effect.kind === 'draft-start') this.#run = effect.run;
    return this;
  }

  hear(frame: ServerFrame, nowMs = 0): this {
    return this.feed({ kind: 'frame', frame }, nowMs);
  }

  connect(nowMs = 0): this {
    return this.feed({ kind: 'link-up' }, nowMs).hear(welcome, nowMs);
  }

  ask(changes: Partial<GenerateRequest> = {}): this {
    return this.feed({ kind: 'generate', answer: 0, request: { ...request, ...changes } });
  }

  /** The newest run drafts a token. */
  draft(position: number, token: number, law: readonly number[] | null = null, nowMs = 0): this {
    const probs = law && Float64Array.from(law);
    const facts = {
      law: probs && ({ kind: 'dense', probs } as const),
      prob: probs && probs[token]!,
    };
    return this.grow([{ position, token, confidence: null, ...facts }], nowMs);
  }

  /** A pass of the newest run drafts a token of each of its first sequences. */
  grow(drafted: readonly DraftedToken[], nowMs = 0): this {
    const tokens = drafted.map((token, sequenceIndex) => ({ sequenceIndex, token }));
    return this.feed({ kind: 'drafted', answer: 0, run: this.#run, tokens }, nowMs);
  }

  count(kind: DeviceEffect['kind']): number {
    return this.effects.filter((effect) => effect.kind === kind).length;
  }

  get wakeMs(): number | null {
    const wake = this.effects.find((effect) => effect.kind === 'wake');
    return wake?.kind === 'wake' ? wake.atMs : null;
  }

  get sent(): DeviceFrame[] {
    return this.effects.flatMap((effect) => (effect.kind === 'send' ? [effect.frame] : []));
  }
}
