// What the server and the thread that prepares say to each other: one request, one reply.

import type { ChatMessage } from '../../base/chat-message.js';
import { type ErrorCode, PilotfishError } from '../../base/error.js';
import type { CompiledSchema } from '../../grammar/compiled-schema.js';

/** What the thread has to know of the model. */
export interface ThreadModel {
  /** Bytes that are a token on their own. */
  readonly writable: readonly number[];
  readonly chatTemplate: string | null;
  readonly bosText: string | null;
  readonly eosText: string | null;
}

export type ThreadRequest =
  | { readonly kind: 'compile'; readonly schema: string }
  | { readonly kind: 'render'; readonly messages: readonly ChatMessage[] };

/** `refused`: the peer's mistake. */
export type ThreadReply =
  | { readonly kind: 'compiled'; readonly schema: CompiledSchema }
  | { readonly kind: 'rendered'; readonly text: string }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

export const errorOf = ({ code, message }: ThreadReply & { kind: 'refused' }): PilotfishError =>
  new PilotfishError(code, message);
