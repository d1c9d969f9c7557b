// What the server and the thread that prepares say to each other: one request, one reply.

import { type ErrorCode, PilotfishError } from '../../base/error.js';
import type { CompiledSchema } from '../../grammar/compiled-schema.js';
import type { PicturePlace } from '../../pictures/prompt-picture.js';
import type { Decoded } from '../../protocol/codec.js';
import type { DeviceFrame } from '../../protocol/frame.js';
import type { PromptText, TextPrompt, TokenizeOptions } from './prompt-text.js';

/** What the thread has to know of the model. */
export interface ThreadModel {
  /** Bytes that are a token on their own. */
  readonly writable: readonly number[];
  readonly chatTemplate: string | null;
  readonly contextLength: number;
  readonly longestTokenBytes: number;
  readonly bosText: string | null;
  readonly eosText: string | null;
}

/** A text as bytes, which pass between threads without being copied. */
export interface BytesPiece {
  readonly utf8: Uint8Array<ArrayBuffer>;
  readonly options: TokenizeOptions;
}

export type ThreadRequest =
  | { readonly kind: 'compile'; readonly schema: string }
  | {
      readonly kind: 'render';
      readonly prompt: TextPrompt;
      readonly places: readonly PicturePlace[];
    }
  | { readonly kind: 'decode'; readonly bytes: Uint8Array };

/** The peer's mistake. */
export interface Refused {
  readonly kind: 'refused';
  readonly code: ErrorCode;
  readonly message: string;
}

export type Rendered = { readonly kind: 'text'; readonly text: PromptText<BytesPiece> } | Refused;

/** `prompt`: the texts of an Open, whose own prompt is empty then; null: it has none. */
export interface DecodedAside {
  readonly kind: 'decoded';
  readonly decoded: Decoded<DeviceFrame>;
  readonly prompt: Rendered | null;
}

export type ThreadReply =
  | { readonly kind: 'compiled'; readonly schema: CompiledSchema }
  | Rendered
  | DecodedAside;

export const errorOf = ({ code, message }: Refused): PilotfishError =>
  new PilotfishError(code, message);
