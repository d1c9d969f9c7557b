// Runs plain sessions for callers in this process: answers without drafts, in the same passes as
// those of devices. Their frames reach the core as objects over local connections; no bytes and no
// sockets are involved.

import { PilotfishError } from '../base/error.js';
import type { KeyGrant } from '../base/key-grant.js';
import type { TokenLogprobs } from '../math/logprobs.js';
import { type SamplingRequest, samplingRequestOf } from '../math/sampling-request.js';
import type { PromptPicture } from '../pictures/prompt-picture.js';
import { errorOfFailure } from '../protocol/failure.js';
import {
  type DeviceFrame,
  type EndReason,
  noPictures,
  type Prompt,
  type ServerFrame,
  type SourceCounts,
  type Verdict,
} from '../protocol/frame.js';
import type { ServerTests } from './core/drafting/source-tally.js';
import type { ConnectionId, ServerInput } from './core/event.js';
import type { PreparedOpen } from './core/prepared-open.js';
import type { SessionAddress } from './core/session-status.js';

/** An answer without drafts, asked for in the same process. */
export interface PlainRequest extends SamplingRequest {
  readonly prompt: Prompt;
  /** In its messages; the model has to see them. Absent: there are none. */
  readonly pictures?: readonly PromptPicture[];
  /** >= 1; a context that is shorter ends the text. */
  readonly tokensMax: number;
}

/**
 * Follows one session. Calls come in this order; `ended` or `failed` is last, and none comes after
 * a cancellation.
 */
export interface PlainListener {
  /** The prompt is known as tokens. @param promptLength how many. */
  accepted(promptLength: number): void;
  /** Before the first tokens. @param cachedCount prompt tokens that needed no computing. */
  started(cachedCount: number): void;
  /**
   * [n >= 1] the next tokens of the answer, [n] their log-probabilities where asked for, and if the
   * server drafts, where they came from, and all that has been tested of the answer's drafts.
   */
  tokens(
    tokens: Int32Array,
    logprobs: readonly TokenLogprobs[] | null,
    sources: SourceCounts | null,
    tests: ServerTests | null,
  ): void;
  /** The answer is over. */
  ended(reason: EndReason): void;
  /** The answer was ended by an error. */
  failed(error: PilotfishError): void;
}

export interface PlainParts {
  /** Gives the core an event soon, never within the call, in order. */
  readonly feed: (event: ServerInput) => void;
  /** Prepares a long prompt, pictures or a new schema; see Preparation. */
  readonly prepare: (
    request: PlainRequest,
    keyId: string | null,
    signal: AbortSignal,
  ) => PreparedOpen | Promise<PreparedOpen>;
  /** Takes back what was prepared and will not be used. */
  readonly drop: (prepared: PreparedOpen) => void;
  /** A connection id that was never used. */
  readonly nextConnection: () => ConnectionId;
  /** Whether drafts of the server speed its sessions up. */
  readonly areDrafted: boolean;
  /** Most sessions of a connection. */
  readonly sessionsMax: number;
  /** Prompt tokens of a session that were in a cache; null before its first pass. */
  readonly cachedCountOf: (address: SessionAddress) => number | null;
  /** What passes have tested of the server's drafts for a session; null: there is none. */
  readonly serverTestsOf: (address: SessionAddress) => ServerTests | null;
}

/** A local connection of the core. It lasts as long as it has sessions. */
interface Line {
  readonly id: ConnectionId;
  /** All its sessions belong to this key; null: none is asked for. */
  readonly grant: KeyGrant | null;
  readonly sessions: Map<number, PlainListener>;
  /** Sessions that have had no tokens yet. */
  readonly beginning: Set<number>;
  nextSession: number;
}

export class PlainSessions {
  readonly #parts: PlainParts;
  readonly #lines = new Map<ConnectionId, Line>();
  #preparingCount = 0;

  constructor(parts: PlainParts) {
    this.#parts = parts;
  }

  /** Sessions that are being prepared or written. */
  get count(): number {
    let count = this.#preparingCount;
    for (const { sessions } of this.#lines.values()) count += sessions.size;
    return count;
  }

  /**
   * Opens a session.
   *
   * @param grant of the key that the client has shown; null: none is asked for.
   * @returns what ends it at once; harmless when it is over.
   */
  write(request: PlainRequest, grant: KeyGrant | null, listener: PlainListener): () => void {
    const waiting = new AbortController();
    const prepared = this.#parts.prepare(request, grant?.id ?? null, waiting.signal);
    if (!(prepared instanceof Promise)) return this.#begin(request, prepared, grant, listener);
    let cancel = (): void => waiting.abort();
    this.#preparingCount++;
    void prepared.then((made) => {
      this.#preparingCount--;
      if (waiting.signal.aborted) this.#parts.drop(made);
      // Not every error of a picture has a code on the wire.
      else if (isUnseen(request, made)) listener.failed(made.prompt);
      else cancel = this.#begin(request, made, grant, listener);
    });
    return () => cancel();
  }

  #begin(
    request: PlainRequest,
    prepared: PreparedOpen,
    grant: KeyGrant | null,
    listener: PlainListener,
  ): () => void {
    const line = this.#lineWithRoom(grant);
    const session = line.nextSession++;
    line.sessions.set(session, listener);
    line.beginning.add(session);
    const frame = openOf(session, request, this.#parts.areDrafted);
    this.#parts.feed({ kind: 'frame', connection: line.id, frame, prepared });
    return () => this.#forget(line, session);
  }

  #lineWithRoom(grant: KeyGrant | null): Line {
    for (const line of this.#lines.values()) {
      const isOfKey = line.grant?.id === grant?.id;
      if (isOfKey && line.sessions.size < this.#parts.sessionsMax) return line;
    }
    const id = this.#parts.nextConnection();
    const line: Line = { id, grant, sessions: new Map(), beginning: new Set(), nextSession: 0 };
    this.#lines.set(id, line);
    this.#parts.feed({ kind: 'connected-local', connection: id, grant });
    return line;
  }

  #send({ id: connection }: Line, frame: DeviceFrame): void {
    this.#parts.feed({ kind: 'frame', connection, frame });
  }

  /** Takes what the core sends. @returns false for a connection that is not one of these. */
  take(connection: ConnectionId, frame: ServerFrame): boolean {
    const line = this.#lines.get(connection);
    if (line === undefined) return false;
    switch (frame.kind) {
      case 'opened':
        line.sessions.get(frame.session)?.accepted(frame.promptLength);
        break;
      case 'verdict':
        this.#verdict(line, frame);
        break;
      case 'failure':
        if (frame.session === null) this.#failAll(line, errorOfFailure(frame));
        else this.#forget(line, frame.session)?.failed(errorOfFailure(frame));
    }
    return true;
  }

  #verdict(line: Line, { session, tokens, logprobs, sources, end }: Verdict): void {
    const listener = line.sessions.get(session);
    if (listener === undefined) return;
    const address = { connection: line.id, session };
    if (line.beginning.delete(session)) listener.started(this.#parts.cachedCountOf(address) ?? 0);
    if (tokens.length > 0) {
      listener.tokens(tokens, logprobs, sources, sources && this.#parts.serverTestsOf(address));
    }
    // Told of its tokens, a listener may have cancelled.
    if (end !== null) this.#forget(line, session)?.ended(end);
  }

  /**
   * Forgets a session on both sides, and with the last one its line.
   *
   * @returns who listened to it.
   */
  #forget(line: Line, session: number): PlainListener | undefined {
    const listener = line.sessions.get(session);
    if (!line.sessions.delete(session)) return undefined;
    line.beginning.delete(session);
    this.#send(line, { kind: 'close', session });
    if (line.sessions.size === 0) this.#end(line);
    return listener;
  }

  #end({ id: connection }: Line): void {
    this.#lines.delete(connection);
    this.#parts.feed({ kind: 'disconnected', connection });
  }

  #failAll(line: Line, error: PilotfishError): void {
    const listeners = [...line.sessions.values()];
    line.sessions.clear();
    this.#end(line);
    for (const listener of listeners) listener.failed(error);
  }

  /** The core has ended a connection. @returns false for one that is not one of these. */
  closed(connection: ConnectionId): boolean {
    const line = this.#lines.get(connection);
    if (line === undefined) return false;
    this.#failAll(line, new PilotfishError('link-lost', 'the server has ended the connection'));
    return true;
  }
}

/** Whether a prompt with pictures was refused. Nothing is held then. */
const isUnseen = (
  { pictures = [] }: PlainRequest,
  made: PreparedOpen,
): made is PreparedOpen & { readonly prompt: PilotfishError } =>
  pictures.length > 0 && made.prompt instanceof PilotfishError;

function openOf(session: number, request: PlainRequest, isDrafted: boolean): DeviceFrame {
  const { sampling } = request;
  return {
    kind: 'open',
    session,
    prompt: request.prompt,
    ...samplingRequestOf(request),
    tokensMax: request.tokensMax,
    answer: new Int32Array(0),
    // As a device would ask, so that the same seed gives the same text either way.
    scheme: sampling.temperature === 0 ? 'greedy' : 'coupled',
    mode: isDrafted ? 'auto' : 'stream',
    windowMax: 1,
    cut: null,
    wantsHints: false,
    ...noPictures,
    padBytes: 0,
    aggregateMs: 0,
  };
}
