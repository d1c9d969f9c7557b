// Manages the link to the server: dialling with growing, jittered pauses, the handshake, pings,
// draining. Requests sockets by effects and never touches one.

import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import { codeTable } from '../../protocol/code.js';
import {
  type ConnectionState,
  connectionEventOf,
  connectionStateAfterSending,
  receiveOnConnection,
} from '../../protocol/connection-state.js';
import { errorOfFailure } from '../../protocol/failure.js';
import type { DeviceFrame, Failure, ServerFrame, Welcome } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { versionMax, versionMin } from '../../protocol/version.js';
import { ForgettingMean } from './estimate.js';
import type { DeviceEffect } from './event.js';
import { helloOf, vocabularyError } from './handshake.js';
import { PictureCount } from './picture-link.js';
import type { DeviceCoreSettings } from './settings.js';

type Phase = 'idle' | 'waiting' | 'dialling' | 'greeting' | 'ready' | 'over';

/** Share of the server's silence limit after which a ping keeps the connection. */
const silenceShare = 1 / 3;
const roundTripMemory = 16;

export class ServerConnection {
  readonly roundTrip = new ForgettingMean(roundTripMemory);
  readonly pictures = new PictureCount();
  readonly #settings: DeviceCoreSettings;
  readonly #out: (effect: DeviceEffect) => void;
  readonly #put: (frame: DeviceFrame) => void;
  #phase: Phase = 'idle';
  #state: ConnectionState = 'fresh';
  #welcome: Welcome | null = null;
  #hasMet = false;
  /** Pauses before a dial since a link last proved good. */
  #attempts = 0;
  /** Dials of an alternative, without a pause, since a link last stood for long enough. */
  #hopCount = 0;
  #dialAtMs: number | null = null;
  #greetedMs = 0;
  #welcomedMs = 0;
  #heardMs = 0;
  #pingedMs = 0;
  #pingNonce = 0;
  #pingOpen = false;
  #downSinceMs: number | null = null;
  /** The first ping of this link that no pong has answered, however late that is; null: none. */
  #unanswered: { readonly nonce: number; readonly sentMs: number } | null = null;
  /** The shortest of this link: the time of a round trip where nothing is queued. */
  #roundTripMinMs = Infinity;
  /** When the link that last proved good went down; null: it stands. */
  #awaySinceMs: number | null = null;
  #retryAfterMs = 0;
  #isLeaving = false;
  /** Why the connection ends, until the link is down, and whether to dial again. */
  #refusal: { readonly error: PilotfishError; readonly isRetryable: boolean } | null = null;
  #alternatives: readonly string[] = [];
  /** Why the link was last lost, or never came up. */
  #lastError: PilotfishError | null = null;

  constructor(
    settings: DeviceCoreSettings,
    out: (effect: DeviceEffect) => void,
    put: (frame: DeviceFrame) => void,
  ) {
    this.#settings = settings;
    this.#out = out;
    this.#put = put;
  }

  /** The server's offer while sessions can use the link, else null. */
  get welcome(): Welcome | null {
    return this.#phase === 'ready' && !this.#isLeaving ? this.#welcome : null;
  }

  /** Whether the link was hung up and is not down yet: no frame is sent or taken any more. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  get takesSessions(): boolean {
    return this.welcome !== null && this.#state === 'ready';
  }

  get isDraining(): boolean {
    return this.#phase === 'ready' && this.#state === 'draining';
  }

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** Whether a ping is out for longer than pings take here, and `slackMs`: the link is behind. */
  isBehind(slackMs: number, nowMs: number): boolean {
    if (this.#phase !== 'ready' || this.#unanswered === null) return false;
    // The least, not the mean: that would grow with the queue.
    return nowMs - this.#unanswered.sentMs > 2 * this.#roundTripMinMs + slackMs;
  }

  get downSinceMs(): number | null {
    return this.#downSinceMs;
  }

  /** Since when no link has proved good; null while one stands, good or not. */
  get awaySinceMs(): number | null {
    return this.#downSinceMs === null ? null : this.#awaySinceMs;
  }

  /** @param isBusy whether answers are being generated: the round trip is measured then. */
  dueMs(isBusy: boolean): number | null {
    if (this.#isLeaving) return null;
    switch (this.#phase) {
      case 'waiting':
        return this.#dialAtMs;
      case 'dialling':
      case 'greeting':
        return this.#greetedMs + this.#settings.linkTimeoutMs;
      case 'ready':
        return this.#pingDueMs(isBusy);
      default:
        return null;
    }
  }

  #pingDueMs(isBusy: boolean): number | null {
    const { pingMs, linkTimeoutMs } = this.#settings;
    if (this.#pingOpen) return this.#pingedMs + linkTimeoutMs;
    const { silenceMs } = this.#welcome!.limits;
    const everyMs = Math.min(
      isBusy ? pingMs : Infinity,
      silenceMs > 0 ? silenceMs * silenceShare : Infinity,
    );
    return everyMs < Infinity ? this.#pingedMs + everyMs : null;
  }

  start(nowMs: number): void {
    this.#downSinceMs = nowMs;
    this.#awaySinceMs = nowMs;
    this.#dial(nowMs);
  }

  #dial(nowMs: number): void {
    assert(this.#phase === 'idle' || this.#phase === 'waiting', `dialling in ${this.#phase}`);
    this.#phase = 'dialling';
    this.#isLeaving = false;
    this.#greetedMs = nowMs;
    const alternative = this.#alternatives[0] ?? null;
    this.#alternatives = this.#alternatives.slice(1);
    this.#out({ kind: 'dial', alternative });
  }

  onUp(nowMs: number): void {
    if (this.#phase !== 'dialling') return;
    this.#phase = 'greeting';
    this.#state = 'fresh';
    this.#greetedMs = nowMs;
    this.send(helloOf(this.#settings));
  }

  /** @returns the error with which answers that cannot wait must fail, or null. */
  onDown(reason: string, nowMs: number): PilotfishError | null {
    if (this.#phase === 'over' || this.#phase === 'idle' || this.#phase === 'waiting') return null;
    if (this.#welcome !== null) this.#judge(nowMs - this.#welcomedMs);
    this.#phase = 'waiting';
    this.#isLeaving = false;
    this.#welcome = null;
    this.pictures.clear();
    this.#downSinceMs ??= nowMs;
    this.#awaySinceMs ??= nowMs;
    const refusal = this.#refusal;
    this.#refusal = null;
    if (refusal !== null && !refusal.isRetryable) return this.#giveUp(refusal.error);
    const error =
      refusal?.error ??
      new PilotfishError(this.#hasMet ? 'link-lost' : 'server-unreachable', reason);
    this.#lastError = error;
    if (!this.#hasMet && !this.#settings.keepsTrying) return this.#giveUp(error);
    this.#dialAtMs = nowMs + this.#pauseMs();
    return error;
  }

  /** The error of an answer that has waited too long for the server. @param waitedMs how long. */
  absence(waitedMs: number): PilotfishError {
    const seconds = Math.round(waitedMs / 1000);
    const why = this.#lastError === null ? '' : `: ${this.#lastError.message}`;
    return this.#hasMet
      ? new PilotfishError('link-lost', `the server has been away for ${seconds} s${why}`)
      : new PilotfishError('server-unreachable', `no server was reached in ${seconds} s${why}`);
  }

  /** Another server is dialled at once; the usual one no sooner than it asked. */
  #pauseMs(): number {
    if (this.#alternatives.length > 0 && this.#hopCount < limits.alternatives.value) {
      this.#hopCount++;
      return 0;
    }
    const pauseMs = Math.max(this.#retryAfterMs, this.#backoffMs());
    this.#retryAfterMs = 0;
    return pauseMs;
  }

  /** Doubles, with jitter over the upper half: devices must not all dial at once. */
  #backoffMs(): number {
    const pauseMaxMs = this.#pauseMaxMs;
    this.#attempts++;
    return pauseMaxMs * (0.5 + 0.5 * this.#settings.chance());
  }

  /** The longest that the next pause may be. */
  get #pauseMaxMs(): number {
    const { backoffMinMs, backoffMaxMs } = this.#settings;
    return Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#attempts, 30));
  }

  /**
   * A link that stood for longer than the next pause has proved good: pauses begin anew. A welcome
   * proves nothing, or a server that hangs up after it would be dialled all the time.
   */
  #judge(stoodMs: number): void {
    if (stoodMs < this.#pauseMaxMs) return;
    this.#hopCount = 0;
    this.onProgress();
  }

  /** The link has been of use, which proves it good. Text that a user was told does. */
  onProgress(): void {
    this.#attempts = 0;
    this.#awaySinceMs = null;
  }

  #giveUp(error: PilotfishError): PilotfishError {
    this.#phase = 'over';
    this.#out({ kind: 'gave-up', error });
    return error;
  }

  send(frame: DeviceFrame): void {
    this.onSending(frame);
    this.#put(frame);
  }

  /** The frame of a session leaves. */
  onSending(frame: DeviceFrame): void {
    this.#state = connectionStateAfterSending(this.#state, connectionEventOf(frame));
  }

  /** Checks a frame first. @returns what is wrong with it, or whether it was handled here. */
  admit(frame: ServerFrame, nowMs: number): { fault: string } | { isMine: boolean } {
    this.#heardMs = nowMs;
    const reception = receiveOnConnection(this.#state, connectionEventOf(frame));
    if (reception.kind === 'fault') return { fault: reception.fault.message };
    if (reception.kind === 'move') this.#state = reception.state;
    switch (frame.kind) {
      case 'welcome':
        return this.#onWelcome(frame, nowMs);
      case 'pong':
        this.#onPong(frame.nonce, nowMs);
        return { isMine: true };
      case 'drain':
        this.#retryAfterMs = frame.retryAfterMs;
        this.#alternatives = frame.alternatives;
        return { isMine: true };
      case 'failure':
        if (frame.session !== null) return { isMine: false };
        this.#onFailure(frame);
        return { isMine: true };
      default:
        return { isMine: false };
    }
  }

  #onWelcome(welcome: Welcome, nowMs: number): { fault: string } | { isMine: boolean } {
    const mismatch = vocabularyError(this.#settings.vocabulary, welcome);
    if (mismatch !== null) {
      this.refuse(mismatch);
      return { isMine: true };
    }
    const { version } = welcome;
    if (version < versionMin || version > versionMax) {
      return { fault: `version ${version}, which is outside [${versionMin}, ${versionMax}]` };
    }
    this.#welcome = welcome;
    this.#phase = 'ready';
    this.#hasMet = true;
    this.#welcomedMs = nowMs;
    this.#downSinceMs = null;
    const { modelName, contextLength, seesPictures } = welcome;
    this.#out({ kind: 'welcomed', modelName, contextLength, seesPictures });
    this.#unanswered = null;
    this.#roundTripMinMs = Infinity;
    // The handshake does not measure the round trip: both ends do other work in it.
    this.#ping(nowMs);
    return { isMine: true };
  }

  #onPong(nonce: number, nowMs: number): void {
    const newest = { nonce: this.#pingNonce, sentMs: this.#pingedMs };
    const isNewest = nonce === newest.nonce;
    const answered = isNewest ? newest : this.#unanswered;
    if (nonce !== answered?.nonce) return;
    const roundTripMs = nowMs - answered.sentMs;
    this.#roundTripMinMs = Math.min(this.#roundTripMinMs, roundTripMs);
    this.#unanswered = isNewest ? null : newest;
    const isQueued = isNewest && this.pictures.isQueued;
    if (isNewest) this.pictures.ponged(roundTripMs, this.#roundTripMinMs);
    if (!isNewest || !this.#pingOpen) return;
    this.#pingOpen = false;
    if (isQueued) return;
    this.roundTrip.add(roundTripMs);
    // Whether the link has changed, or one message was late, is known after two more.
    if (this.roundTrip.isShifting) this.#ping(nowMs);
  }

  #onFailure(failure: Failure): void {
    this.#retryAfterMs = failure.retryAfterMs;
    const error =
      failure.code === 'vocabulary-mismatch'
        ? vocabularyError(this.#settings.vocabulary, failure)
        : null;
    const { retryable: isRetryable } = codeTable[failure.code];
    this.#refusal = { error: error ?? errorOfFailure(failure), isRetryable };
    this.hangUp();
  }

  /** Ends the link for good: the peer broke the protocol. */
  refuse(error: PilotfishError): void {
    this.#refusal = { error, isRetryable: false };
    this.hangUp();
  }

  /** Asking twice would only delay the time at which the shell gives the link up. */
  hangUp(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#out({ kind: 'hang-up' });
  }

  /** Does whatever is due. @param isBusy as for dueMs. */
  tick(nowMs: number, isBusy: boolean): void {
    const dueMs = this.dueMs(isBusy);
    if (dueMs === null || nowMs < dueMs) return;
    if (this.#phase === 'waiting') this.#dial(nowMs);
    else if (this.#phase !== 'ready') this.hangUp();
    else if (!this.#pingOpen) this.#ping(nowMs);
    else if (this.#heardMs > this.#pingedMs) this.#pingOpen = false;
    else this.hangUp();
  }

  /** Measures the round trip now, unless that is under way. */
  measure(nowMs: number): void {
    if (this.welcome !== null && !this.#pingOpen) this.#ping(nowMs);
  }

  #ping(nowMs: number): void {
    this.#pingNonce = (this.#pingNonce + 1) % 2 ** 31;
    this.#pingOpen = true;
    this.#pingedMs = nowMs;
    this.pictures.pinged();
    this.#unanswered ??= { nonce: this.#pingNonce, sentMs: nowMs };
    this.send({ kind: 'ping', nonce: this.#pingNonce, isCover: false });
  }

  close(): void {
    if (this.#phase !== 'idle' && this.#phase !== 'waiting' && this.#phase !== 'over')
      this.hangUp();
    this.#phase = 'over';
  }
}
