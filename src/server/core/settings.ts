// Defines the settings of a server core: the model's facts, what it offers, how it batches, and the
// functions that bring in chance and text. Holds no default; the shell fills them in.

import type { KeyLimits } from '../../base/key-grant.js';
import type {
  Hello,
  Mode,
  OfferedLimits,
  Prompt,
  Scheme,
  TrafficShaping,
  VocabularyBlock,
} from '../../protocol/frame.js';

/** Facts of the engine that the core needs. */
export interface ServedModel {
  readonly modelName: string;
  readonly fingerprint: string;
  readonly vocabSize: number;
  readonly endOfText: ReadonlySet<number>;
  readonly slotCount: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  /** Whether passes can tell hints. */
  readonly hasExit: boolean;
}

/** `static`, as in SLED: waits for `count` requests or `waitMs`, pads to the longest draft. */
export type Batching =
  | { readonly kind: 'continuous' }
  | { readonly kind: 'static'; readonly count: number; readonly waitMs: number };

/** The draft model beside the target. */
export interface DraftModel {
  /** At least the target's. */
  readonly slotCount: number;
  readonly contextLength: number;
}

/** What the server itself drafts for its sessions. */
export interface ServerDrafting {
  /** null: there is none. */
  readonly model: DraftModel | null;
  /** Bytes of recent texts of each key that drafts are looked up in; null: no look-up. */
  readonly suffixBytesMax: number | null;
  /** Tokens drafted each round for sessions in mode `co-located`, >= 0. */
  readonly fixedLength: number;
}

export const noServerDrafting: ServerDrafting = {
  model: null,
  suffixBytesMax: null,
  fixedLength: 0,
};

export interface ServerCoreSettings {
  readonly model: ServedModel;
  readonly schemes: readonly Scheme[];
  readonly modes: readonly Mode[];
  readonly limits: OfferedLimits;
  /** Whether the shell has pictures of prompts seen. */
  readonly seesPictures: boolean;
  readonly connectionsMax: number;
  /** Sessions of all connections and of none, ended ones that may be resumed included. */
  readonly sessionsMax: number;
  /** Limits of each key whose grant leaves them open; without keys, of all callers together. */
  readonly keyLimits: KeyLimits;
  readonly batching: Batching;
  readonly drafting: ServerDrafting;
  /** No session begins if each token is predicted to take longer with it; the first always may. */
  readonly tokenMsMax: number;
  /** A pass takes no more once it is predicted to last longer; the first always goes in. */
  readonly passMsMax: number;
  /** Share of a pass's tokens that prompts get even if verification could fill it, in (0, 1). */
  readonly prefillShare: number;
  /** Prompts stop filling a pass once it is predicted to last longer, beyond their share. */
  readonly prefillMsMax: number;
  /** Committed tokens for which a busy session keeps its slot while others wait for one. */
  readonly slotQuantumTokens: number;
  /** Bytes of saved caches of sessions without slots; others are computed again. */
  readonly swapBytesMax: number;
  /** Whether keys find each other's prompts in caches, and so can guess them by time. */
  readonly sharesPrefixesAcrossKeys: boolean;
  /** Traffic shaping of every session, whether its device asks for it or not. */
  readonly shaping: TrafficShaping;
  /** Advice after `server-busy`, `server-full` and a drain. */
  readonly retryAfterMs: number;

  /** [n] unguessable bytes, for resume keys. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Whether the key of a Hello may connect, where the transport has not decided already. */
  readonly acceptsKey: (key: string) => boolean;
  /** The ids of a prompt of text or messages. @throws PilotfishError where it has none. */
  readonly tokenize: (prompt: Exclude<Prompt, { kind: 'ids' }>) => Int32Array;
  /**
   * Whether the engine can follow a schema.
   *
   * @throws PilotfishError `format-invalid` where it cannot.
   */
  readonly checkFormat: (schema: string) => void;
  /** The server's side of the first block in which the vocabularies differ, if it is found. */
  readonly differingBlock: (hello: Hello) => VocabularyBlock | null;
}
