// Keeps saved cache images within a number of bytes: those of sessions that wait for a slot, and of
// texts that were left and may be continued, as chats are. Least recently saved first, left texts
// before waiting sessions, make room. A text is seen by its own key only, unless keys share caches.

import { assert } from '../../../base/assert.js';
import type { CommittedTokens } from '../../../protocol/token-log.js';
import type { Session } from '../session.js';
import type { Tenant } from '../tenants/tenant.js';

/** The first `length` tokens of a log. */
export interface SavedText {
  readonly tenant: Tenant;
  readonly log: CommittedTokens;
  readonly length: number;
  /** The session that waits for a slot to go on with it; null: its text was left. */
  readonly session: Session | null;
}

/** A text whose first tokens a slot without owner holds. It costs no session a slot. */
export interface Residue {
  readonly tenant: Tenant;
  readonly log: CommittedTokens;
  /** Whether its image has been saved, or was not worth it. */
  readonly isSettled: boolean;
}

/** An image to fill a slot from. */
export interface TakenImage {
  readonly text: SavedText;
  readonly bytes: Uint8Array;
  /** Tokens of it that are the session's. */
  readonly keptLength: number;
}

/** Fewer shared tokens are not worth waiting for. */
export const awaitedTokensMin = 16;

export class CacheImages {
  readonly #bytesMax: number;
  /** Images that the engine is writing, by the operation. */
  readonly #saving = new Map<number, SavedText>();
  /** Least recently saved first. */
  readonly #saved = new Map<SavedText, Uint8Array>();
  #byteCount = 0;
  /** Of the newest image. */
  #bytesPerToken = 0;

  /** @param bytesMax 0: none is kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#saved.size;
  }

  /** Images of sessions that wait. */
  get waitingCount(): number {
    return [...this.#saved.keys()].filter(({ session }) => session !== null).length;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** Whether the image of so many tokens has a place. */
  fits(length: number): boolean {
    return this.#bytesMax > 0 && length * this.#bytesPerToken <= this.#bytesMax;
  }

  /** Whether an image is being written that the session will be filled from. */
  isComing(session: Session): boolean {
    for (const text of this.#saving.values()) {
      if (text.session === session) return true;
      if (text.session === null && sharedLength(text, session) >= awaitedTokensMin) return true;
    }
    return false;
  }

  /** An operation has begun that writes an image. */
  begin(text: SavedText, id: number): void {
    this.#saving.set(id, text);
  }

  /** The operation has failed. */
  fail(id: number): void {
    this.#saving.delete(id);
  }

  /** The operation has written the image. */
  keep(id: number, bytes: Uint8Array): void {
    const text = this.#saving.get(id);
    if (text === undefined) return;
    this.#saving.delete(id);
    this.#bytesPerToken = bytes.length / Math.max(1, text.length);
    if (bytes.length > this.#bytesMax) return;
    while (this.#byteCount + bytes.length > this.#bytesMax) this.#remove(this.#leastMissed());
    this.#saved.set(text, bytes);
    this.#byteCount += bytes.length;
  }

  /** The oldest text that was left by the key with most bytes of them, or else of a session. */
  #leastMissed(): SavedText {
    const bytesOf = new Map<Tenant, number>();
    for (const [{ tenant, session }, { length }] of this.#saved) {
      if (session === null) bytesOf.set(tenant, (bytesOf.get(tenant) ?? 0) + length);
    }
    const most = Math.max(...bytesOf.values());
    const texts = [...this.#saved.keys()];
    const left = texts.find((text) => text.session === null && bytesOf.get(text.tenant) === most);
    return left ?? texts[0]!;
  }

  /**
   * The image that holds most of the session's text, and more than a slot has of it. Gives the
   * image away, unless most of it is another text.
   */
  takeBest(session: Session, heldLength: number): TakenImage | undefined {
    let best: SavedText | undefined;
    let keptLength = heldLength;
    for (const text of this.#saved.keys()) {
      if (text.session !== null && text.session !== session) continue;
      const length = sharedLength(text, session);
      if (length > keptLength) [best, keptLength] = [text, length];
    }
    const bytes = best && this.#saved.get(best);
    if (best && isMostlyOurs(keptLength, best.length)) this.#remove(best);
    this.drop(session);
    return bytes && { text: best!, bytes, keptLength };
  }

  /** The engine has refused the image of a text: nothing else is filled from it. */
  refused(text: SavedText): void {
    if (this.#saved.has(text)) this.#remove(text);
  }

  /** The session is over: its text may be continued by another. */
  leave(session: Session): void {
    for (const [text, bytes] of this.#saved) {
      if (text.session !== session) continue;
      this.#saved.delete(text);
      this.#saved.set({ ...text, session: null }, bytes);
    }
    for (const [id, text] of this.#saving) {
      if (text.session === session) this.#saving.set(id, { ...text, session: null });
    }
  }

  /** Gives up the texts that a key has left. It has no sessions. */
  forget(tenant: Tenant): void {
    for (const text of this.#saved.keys()) if (text.tenant === tenant) this.#remove(text);
    for (const [id, text] of this.#saving) if (text.tenant === tenant) this.#saving.delete(id);
  }

  /** Gives up what is kept or written for a session. */
  drop(session: Session): void {
    for (const text of this.#saved.keys()) if (text.session === session) this.#remove(text);
    for (const [id, text] of this.#saving) if (text.session === session) this.#saving.delete(id);
  }

  #remove(text: SavedText): void {
    this.#byteCount -= this.#saved.get(text)!.length;
    this.#saved.delete(text);
  }

  /**
   * @throws InvariantError where an owner of a slot has an image too, or bytes are counted wrong.
   */
  checkIntegrity(owners: Iterable<Session>): void {
    const texts = [...this.#saved.keys(), ...this.#saving.values()];
    const waiting = new Set(texts.map(({ session }) => session));
    for (const session of owners) {
      assert(!waiting.has(session), `session ${session.key} has slot and image`);
    }
    let bytes = 0;
    for (const image of this.#saved.values()) bytes += image.length;
    assert(bytes === this.#byteCount, `${bytes} bytes of images, counted ${this.#byteCount}`);
    assert(bytes <= this.#bytesMax, `${bytes} bytes exceed ${this.#bytesMax}`);
  }
}

/** Whether a session that needs `keptLength` of a text's tokens may have all of them. */
export const isMostlyOurs = (keptLength: number, length: number): boolean =>
  keptLength > 0 && keptLength * 2 >= length;

/** After a failure the text is computed from its log, so that no cache can fail it again. */
export const trustsCaches = ({ slotFailureCount, isSuspect }: Session): boolean =>
  slotFailureCount === 0 && !isSuspect;

/** Whether a session may see what was computed for this tenant. */
export const sharesCaches = ({ cacheScope }: Tenant, { terms }: Session): boolean =>
  cacheScope === terms.tenant.cacheScope;

/**
 * Tokens that a session can take over from a text: all it shares but the last, which has to be
 * computed for its row.
 */
export function sharedLength(
  { tenant, log, length }: Omit<SavedText, 'session'>,
  session: Session,
): number {
  if (!sharesCaches(tenant, session) || !trustsCaches(session)) return 0;
  return session.log.sharedPrefix(log, Math.min(length, session.log.length - 1));
}
