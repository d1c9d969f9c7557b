// Defines the options of a server, and derives the settings of its core.

import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { Access } from '../access/access.js';
import type { GateLimits } from '../access/connection-gate.js';
import type { TlsFiles } from '../access/tls-files.js';
import { PilotfishError } from '../base/error.js';
import { type KeyLimits, unlimited } from '../base/key-grant.js';
import { cutText } from '../base/utf8.js';
import type { Engine } from '../engine/engine.js';
import { checkSameVocabulary } from '../engine/vocabulary-match.js';
import { FormatChecker } from '../grammar/format-checker.js';
import {
  type Hello,
  modes,
  noShaping,
  type OfferedLimits,
  schemes,
  type TrafficShaping,
} from '../protocol/frame.js';
import { checkShaping } from '../protocol/frame-check.js';
import { limits } from '../protocol/limits.js';
import {
  blockHashesOf,
  firstDifferingBlock,
  vocabularyBlockOf,
} from '../protocol/vocabulary-blocks.js';
import type { Batching, ServerCoreSettings, ServerDrafting } from './core/settings.js';
import type { PictureEncoder } from './eyes/picture-encoder.js';
import { ServerEyes } from './eyes/server-eyes.js';
import type { PlainSessions } from './plain-sessions.js';
import { promptTokens } from './prompt.js';
import type { ServerStats } from './stats.js';

/** What a server can be told. Only the engine has no default. */
export interface ServerOptions {
  readonly engine: Engine;
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string;
  /** Default 7433; 0 picks a free one. */
  readonly port?: number;
  /** Who may connect; stays its owner's. Default: everyone who reaches the address. */
  readonly access?: Access;
  /** Certificate and key; stays its owner's. Default: no TLS. */
  readonly tls?: TlsFiles;
  /** Listens beyond this machine even without keys or TLS. Default false: that is refused. */
  readonly insecureOpenToNetwork?: boolean;
  /** How many connections may stand that have not shown a key. */
  readonly gate?: Partial<GateLimits>;
  /**
   * Limits of each key whose entry in the key file leaves them open; of all callers together where
   * no key is asked for. Default: none, except that a key may have a quarter of all sessions and
   * of all connections.
   */
  readonly keyLimits?: Partial<KeyLimits>;
  readonly batching?: Batching;
  /** What the server drafts itself for sessions in modes auto and co-located. Default: nothing. */
  readonly drafting?: {
    /** A draft model with the target's vocabulary and as many slots; stays the caller's. */
    readonly engine?: Engine;
    /** Bytes of recent texts of each key that drafts are looked up in. Default: no look-up. */
    readonly suffixBytesMax?: number;
    /** Tokens drafted each round in mode co-located. Default 4. */
    readonly fixedLength?: number;
  };
  /** Encodes pictures for the engine; stays the caller's. Default: prompts with any are refused. */
  readonly eyes?: PictureEncoder;
  /** Bytes of encoded pictures that the engine keeps. Default 256 MiB. */
  readonly eyesBytesMax?: number;
  readonly connectionsMax?: number;
  readonly sessionsMax?: number;
  readonly limits?: Partial<OfferedLimits>;
  /**
   * Bytes of cache images of idle sessions, and of texts that were left and may be continued.
   * Default 1 GiB; 0: they are computed again.
   */
  readonly swapBytesMax?: number;
  /**
   * Keeps one cache of a prompt's beginning for all keys, such as a common system prompt. By the
   * time of an answer each key can then guess, token by token, what others have asked. Default
   * false: sessions of one key share.
   */
  readonly sharesPrefixesAcrossKeys?: boolean;
  /** Predicted milliseconds for each token beyond which no session begins. Default 10 000. */
  readonly tokenMsMax?: number;
  /** Predicted milliseconds beyond which a pass takes no more. Default 1000. */
  readonly passMsMax?: number;
  /** Share of a pass's tokens that prompts are guaranteed. Default 0.25. */
  readonly prefillShare?: number;
  /** Predicted milliseconds beyond which prompts take no more than their share. Default 100. */
  readonly prefillMsMax?: number;
  /** Milliseconds that running answers are given when the server closes. Default 5000. */
  readonly drainMs?: number;
  /**
   * ws: or wss: addresses of servers with the same model, at most 8, that devices are sent to when
   * this one closes.
   */
  readonly alternatives?: readonly string[];
  /**
   * Traffic shaping for every session: hides lengths and times of messages from observers. Default:
   * none.
   */
  readonly shaping?: Partial<TrafficShaping>;
  /**
   * Hears of failures that answers go on after, such as a cache that the engine could not restore:
   * sentences for the operator. Default: none are told.
   */
  readonly onNote?: (text: string) => void;
  /**
   * Makes the handler of HTTP on the same port, except for `GET /stats`. Called before the server
   * listens.
   */
  readonly makeHttp?: (server: LocalServer) => Promise<RequestListener>;
}

/** A server as seen by code of the same process. */
export interface LocalServer {
  /** Answers without drafts, in the same passes as those of devices. */
  readonly plain: Pick<PlainSessions, 'write' | 'count'>;
  /** Whether no more sessions are taken. */
  readonly isDraining: boolean;
  /** Whether prompts may hold pictures. */
  readonly seesPictures: boolean;
  /** What has been counted by now. */
  stats(): ServerStats;
}

/** The port of a server that names none. */
export const defaultPort = 7433;
export const drainMsDefault = 5_000;
const connectionsDefault = 1024;
const sessionsDefault = 4096;

const offeredDefaults: OfferedLimits = {
  frameBytes: limits.frameBytes.value,
  sessions: limits.sessions.value,
  promptTokens: limits.promptTokens.value,
  draftTokens: limits.draftTokens.value,
  windowTokens: limits.windowTokens.value,
  resumeMs: 60_000,
  silenceMs: 60_000,
};

/** Keeps one key from taking all sessions or connections. */
function sharesOfKey({
  access,
  connectionsMax = connectionsDefault,
  sessionsMax = sessionsDefault,
}: ServerOptions): Partial<KeyLimits> {
  if (access?.hasKeys !== true) return {};
  return { connections: Math.ceil(connectionsMax / 4), sessions: Math.ceil(sessionsMax / 4) };
}

/** @throws PilotfishError `usage`. */
function shapingOf({ shaping }: ServerOptions): TrafficShaping {
  const wanted = { ...noShaping, ...shaping };
  const complaint = checkShaping(wanted);
  if (complaint !== null) throw new PilotfishError('usage', complaint.message);
  return wanted;
}

/** @throws PilotfishError `vocabulary-mismatch`, or `usage` for too few slots. */
function draftingOf({ engine, drafting = {} }: ServerOptions): ServerDrafting {
  const { engine: draft, suffixBytesMax = null, fixedLength = 4 } = drafting;
  if (draft === undefined) return { model: null, suffixBytesMax, fixedLength };
  checkSameVocabulary(engine.info.vocabulary, draft.info.vocabulary);
  const { slotCount, contextLength } = draft.info;
  if (slotCount < engine.info.slotCount) {
    const message = `the draft model has ${slotCount} slots, the target ${engine.info.slotCount}`;
    throw new PilotfishError('usage', message);
  }
  return { model: { slotCount, contextLength }, suffixBytesMax, fixedLength };
}

/** @throws PilotfishError `usage` for an engine that takes no images. */
export function eyesOf({
  engine,
  eyes: encoder,
  eyesBytesMax: bytesMax,
}: ServerOptions): ServerEyes | null {
  if (encoder === undefined) return null;
  const { modelName, imageWidth } = engine.info;
  if (imageWidth === null) {
    throw new PilotfishError('usage', `${modelName} takes no images, so it needs no eyes`);
  }
  return new ServerEyes({ engine, encoder, ...(bytesMax !== undefined && { bytesMax }) });
}

/** Settings of the core: options over defaults. Reads the vocabulary of the engine. */
export function coreSettingsOf(options: ServerOptions): ServerCoreSettings {
  const { info } = options.engine;
  const { vocabulary } = info;
  const formats = new FormatChecker(vocabulary);
  let hashes: Uint32Array | null = null;
  const differingBlock = ({ blockHashes }: Hello) => {
    if (blockHashes.length === 0) return null;
    hashes ??= blockHashesOf(vocabulary);
    const block = firstDifferingBlock(hashes, blockHashes);
    return block === null ? null : vocabularyBlockOf(vocabulary, block);
  };
  return {
    model: {
      ...info,
      hasExit: info.exit !== null,
      modelName: cutText(info.modelName, limits.modelNameBytes.value),
      fingerprint: vocabulary.fingerprint,
      vocabSize: vocabulary.size,
      endOfText: vocabulary.endOfText,
    },
    schemes,
    modes,
    limits: { ...offeredDefaults, ...options.limits },
    seesPictures: options.eyes !== undefined,
    connectionsMax: options.connectionsMax ?? connectionsDefault,
    sessionsMax: options.sessionsMax ?? sessionsDefault,
    keyLimits: { ...unlimited, ...sharesOfKey(options), ...options.keyLimits },
    shaping: shapingOf(options),
    batching: options.batching ?? { kind: 'continuous' },
    drafting: draftingOf(options),
    tokenMsMax: options.tokenMsMax ?? 10_000,
    passMsMax: options.passMsMax ?? 1000,
    prefillShare: options.prefillShare ?? 0.25,
    prefillMsMax: options.prefillMsMax ?? 100,
    slotQuantumTokens: 32,
    swapBytesMax: options.swapBytesMax ?? 2 ** 30,
    sharesPrefixesAcrossKeys: options.sharesPrefixesAcrossKeys ?? false,
    retryAfterMs: 1_000,
    randomBytes: (count) => new Uint8Array(randomBytes(count)),
    // The upgrade has decided already: without a key no peer gets as far as Hello.
    acceptsKey: () => true,
    tokenize: (prompt) => promptTokens(info, prompt),
    checkFormat: (schema) => formats.check(schema),
    differingBlock,
  };
}
