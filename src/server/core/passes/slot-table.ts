// Assigns the KV sequences of the engine to sessions, and knows what each holds. Sessions may
// outnumber slots: idle ones lose theirs first, least recently used first, and come back from saved
// bytes or from their log. A new text takes the slot that holds most of it, and keeps that part in
// place; a prefix that another slot holds is copied, not computed. Keys share nothing, unless the
// operator has said so.

import { assert } from '../../../base/assert.js';
import { type SlotId, slotId } from '../../../base/brand.js';
import type { Session } from '../session.js';
import type { ServerCoreSettings } from '../settings.js';
import type { Tenant } from '../tenants/tenant.js';
import {
  awaitedTokensMin,
  CacheImages,
  isMostlyOurs,
  type Residue,
  type SavedText,
  sharedLength,
  sharesCaches,
  trustsCaches,
} from './cache-images.js';
import type { IssueOperation } from './operations.js';

interface SlotRecord {
  readonly id: SlotId;
  owner: Session | null;
  /** Without an owner: the text it still holds, for sessions that begin alike. */
  residue: Residue | null;
  /** Tokens in the engine after all issued operations, as in the log as far as that goes. */
  engineLength: number;
  /** Log length when the owner got it. */
  ownedFrom: number;
  lastUsedMs: number;
  /** Operations under way that may fail, each with what the slot is filled from. */
  readonly unconfirmed: Map<number, SavedText | SlotRecord>;
  /** In the pass in flight. */
  isFlying: boolean;
}

/** A session that has been idle for longer is not only between two rounds. */
const pauseMsMax = 1000;
/** Images of fewer tokens cost more than they save. */
const savedTokensMin = 16;
/** A copy costs a message to the engine's thread, and fewer tokens are computed in less. */
const copiedTokensMin = 4;

export class SlotTable {
  readonly #quantumTokens: number;
  readonly #issue: IssueOperation;
  readonly #slots: readonly SlotRecord[];
  readonly #slotOf = new Map<Session, SlotRecord>();
  readonly images: CacheImages;
  evictionCount = 0;
  restoreCount = 0;
  /** Tokens that sessions have got from caches of other texts: copied, restored or in place. */
  sharedTokenCount = 0;
  /** Operations on slots that have failed: what they held is computed again. */
  lostCacheCount = 0;

  constructor(
    { model, slotQuantumTokens, swapBytesMax }: ServerCoreSettings,
    issue: IssueOperation,
  ) {
    this.#quantumTokens = slotQuantumTokens;
    this.images = new CacheImages(swapBytesMax);
    this.#issue = issue;
    this.#slots = Array.from({ length: model.slotCount }, (_, index) => ({
      id: slotId(index),
      owner: null,
      residue: null,
      engineLength: 0,
      ownedFrom: 0,
      lastUsedMs: 0,
      unconfirmed: new Map(),
      isFlying: false,
    }));
  }

  get ownedCount(): number {
    return this.#slotOf.size;
  }

  /** How many slots each tenant holds, by its ordinal. */
  get heldBy(): ReadonlyMap<number, number> {
    const held = new Map<number, number>();
    for (const { terms } of this.#slotOf.keys()) {
      const { ordinal } = terms.tenant;
      held.set(ordinal, (held.get(ordinal) ?? 0) + 1);
    }
    return held;
  }

  has(session: Session): boolean {
    return this.#slotOf.has(session);
  }

  /** Whether the session's slot can go into a pass now. */
  isReady(session: Session): boolean {
    const slot = this.#slotOf.get(session);
    return slot !== undefined && slot.unconfirmed.size === 0;
  }

  idOf(session: Session): SlotId {
    return this.#of(session).id;
  }

  /** Tokens of the session's log that its slot holds. */
  cacheLength(session: Session): number {
    const slot = this.#slotOf.get(session);
    return slot ? Math.min(slot.engineLength, session.log.length) : 0;
  }

  /**
   * Gives a session a slot. Takes it from a session without a device, from an idle one or from one
   * that has had its turn, but never from a key that holds fewer than its own. A key that holds two
   * more loses one in any case.
   *
   * @param isIdle whether a session could do without its slot now.
   * @returns false where no slot can be had yet.
   */
  acquire(session: Session, isIdle: (session: Session) => boolean, nowMs: number): boolean {
    const isWaiting = !this.has(session) && !this.images.isComing(session);
    assert(isWaiting, `session ${session.key} has a slot, or its image is being written`);
    const slot = this.#freeSlot(session) ?? this.#evictionCandidate(session, isIdle, nowMs);
    if (!slot) return false;
    // Saving the cache of a key that holds too much would keep the new session waiting: that key
    // computes it again.
    if (slot.owner) this.evict(slot.owner, slot.owner.terms.tenant === session.terms.tenant);
    const keptLength = heldFor(slot, session);
    this.#saveResidue(slot, keptLength);
    slot.owner = session;
    slot.ownedFrom = session.log.length;
    slot.lastUsedMs = nowMs;
    this.#slotOf.set(session, slot);
    this.#fill(slot, session, keptLength);
    slot.residue = null;
    return true;
  }

  /**
   * A slot without owner: the one that holds mostly this session's text, or else an empty one, or
   * the one left longest ago. Another slot that holds a part is spared, to copy from.
   */
  #freeSlot(session: Session): SlotRecord | undefined {
    const free = this.#slots.filter(({ owner, isFlying }) => owner === null && !isFlying);
    if (free.length < 2) return free[0];
    const lengths = free.map((slot) => heldFor(slot, session));
    const heldLength = Math.max(...lengths);
    const closest = free[lengths.indexOf(heldLength)]!;
    // A text that is asked for again gets the same cells: in others its sums are rounded otherwise.
    const isWhole = heldLength > 0 && heldLength === session.log.length - 1;
    if (isWhole || isMostlyOurs(heldLength, closest.engineLength)) return closest;
    const others = heldLength > 0 ? free.filter((slot) => slot !== closest) : free;
    const empty = others.find(({ residue }) => residue === null);
    return empty ?? leastRecentlyUsed(others);
  }

  #evictionCandidate(
    { terms }: Session,
    isIdle: (session: Session) => boolean,
    nowMs: number,
  ): SlotRecord | undefined {
    const { heldBy } = this;
    const heldOf = ({ ordinal }: Tenant): number => heldBy.get(ordinal) ?? 0;
    const own = heldOf(terms.tenant);
    const owned = this.#slots.filter(
      ({ owner, isFlying, unconfirmed }) => owner !== null && !isFlying && unconfirmed.size === 0,
    );
    const abandoned = owned.filter(({ owner }) => !owner!.isAttached);
    if (abandoned.length > 0) return leastMissed(abandoned, isIdle);
    const movable = owned.filter(({ owner }) => {
      const { tenant } = owner!.terms;
      return tenant === terms.tenant || heldOf(tenant) > own;
    });
    // Then from a key that holds more: keys with one slot each would take it from each other
    // between their rounds.
    const most = Math.max(0, ...movable.map(({ owner }) => heldOf(owner!.terms.tenant)));
    const richest = movable.filter(({ owner }) => heldOf(owner!.terms.tenant) === most);
    if (most > own + 1) return leastMissed(richest, isIdle);
    const hasHadTurn = (slot: SlotRecord): boolean => turn(slot) >= this.#quantumTokens;
    // Swapping costs all keys time: a key beside others does not swap between the rounds of its own
    // sessions.
    const isPause = (slot: SlotRecord): boolean =>
      heldBy.size > 1 &&
      slot.owner!.terms.tenant === terms.tenant &&
      !hasHadTurn(slot) &&
      nowMs - slot.lastUsedMs < pauseMsMax;
    return leastMissed(
      movable.filter((slot) => (isIdle(slot.owner!) ? !isPause(slot) : hasHadTurn(slot))),
      isIdle,
    );
  }

  /** Saves a text that a slot is about to lose, for the session that may continue it. */
  #saveResidue({ id: slot, residue, engineLength }: SlotRecord, keptLength: number): void {
    if (residue === null || residue.isSettled) return;
    const length = Math.min(engineLength, residue.log.length);
    if (length - keptLength < savedTokensMin || !this.images.fits(length)) return;
    this.#save(slot, { ...residue, length, session: null });
  }

  #save(slot: SlotId, text: SavedText): void {
    this.images.begin(text, this.#issue({ kind: 'save', slot }, text.session));
  }

  /** Fills a slot with what it holds of the text already, or with an image that holds more. */
  #fill(slot: SlotRecord, session: Session, keptLength: number): void {
    const { config } = session.terms;
    const image = this.images.takeBest(session, keptLength);
    if (image !== undefined) {
      const { text, bytes: state, keptLength: length } = image;
      const operation = { kind: 'restore', slot: slot.id, state, config, length } as const;
      slot.unconfirmed.set(this.#issue(operation, session), text);
      slot.engineLength = length;
      return;
    }
    this.#issue({ kind: 'open', slot: slot.id, config, keptLength }, session);
    slot.engineLength = keptLength;
    // Its own text, left when another took the slot, is shared with none.
    if (slot.residue?.log !== session.log) this.sharedTokenCount += keptLength;
  }

  /**
   * Copies what another slot holds of the session's log, if that is more than its own by enough.
   *
   * @param neededLength tokens the cache should come to hold.
   * @param isIdle whether nothing is being computed for a session.
   * @returns false where it is better to wait: an earlier session is computing the same tokens now.
   */
  share(session: Session, neededLength: number, isIdle: (session: Session) => boolean): boolean {
    const slot = this.#of(session);
    const ownLength = this.cacheLength(session);
    if (neededLength < ownLength + copiedTokensMin || slot.unconfirmed.size > 0) return true;
    if (!trustsCaches(session)) return true;
    let best: SlotRecord | null = null;
    let bestLength = ownLength + copiedTokensMin - 1;
    let isComing = false;
    for (const other of this.#slots) {
      if (other === slot || other.unconfirmed.size > 0) continue;
      const left = Math.min(heldFor(other, session), neededLength);
      if (left > bestLength) [best, bestLength] = [other, left];
      if (!other.owner || !sharesCaches(other.owner.terms.tenant, session)) continue;
      const shared = session.log.sharedPrefix(other.owner.log, neededLength);
      const held = Math.min(shared, this.cacheLength(other.owner));
      if (held > bestLength) [best, bestLength] = [other, held];
      const isEarlier = other.owner.key < session.key && !isIdle(other.owner);
      if (isEarlier && held < shared && shared >= ownLength + awaitedTokensMin) isComing = true;
    }
    // Waiting pays for more tokens than a copy does.
    if (isComing && bestLength < ownLength + awaitedTokensMin) return false;
    if (best) this.#copy(best, slot, session, bestLength);
    return true;
  }

  #copy(from: SlotRecord, to: SlotRecord, session: Session, length: number): void {
    const operation = { kind: 'copy-prefix', from: from.id, to: to.id, length } as const;
    to.unconfirmed.set(this.#issue(operation, session), from);
    to.engineLength = length;
  }

  /** Rolls the engine back to `length` tokens of the log. */
  cut(session: Session, length: number): void {
    const slot = this.#of(session);
    if (slot.engineLength <= length) return;
    this.#issue({ kind: 'truncate', slot: slot.id, length }, session);
    slot.engineLength = length;
  }

  /** Puts a slot into the pass that is being issued. */
  beginPass(session: Session, nowMs: number): void {
    const slot = this.#of(session);
    slot.isFlying = true;
    slot.lastUsedMs = nowMs;
  }

  /**
   * The pass has ended.
   *
   * @param lengths tokens that each slot holds, by the engine; the contents of a slot not named are
   *   unknown.
   */
  endPass(lengths: ReadonlyMap<SlotId, number>): void {
    for (const slot of this.#slots) {
      if (!slot.isFlying) continue;
      slot.isFlying = false;
      const length = lengths.get(slot.id);
      if (length === undefined) slot.residue = null;
      else slot.engineLength = length;
    }
  }

  /**
   * Takes the slot of a session away.
   *
   * @param isKept whether its cache is saved where there is room.
   */
  evict(session: Session, isKept: boolean): void {
    const slot = this.#of(session);
    assert(!slot.isFlying, `slot ${slot.id} is in a pass`);
    const length = this.cacheLength(session);
    const { log, terms } = session;
    const isCertain = slot.unconfirmed.size === 0;
    if (isKept && isCertain && length >= savedTokensMin && this.images.fits(length)) {
      this.cut(session, length);
      this.#save(slot.id, { tenant: terms.tenant, log, length, session });
    }
    this.evictionCount++;
    session.evicted();
    this.release(session);
    if (isCertain) slot.residue = { tenant: terms.tenant, log, isSettled: true };
  }

  /** Takes a session's slot away. Its contents are not trusted any more. */
  release(session: Session): void {
    const slot = this.#slotOf.get(session);
    if (!slot) return;
    slot.owner = null;
    slot.unconfirmed.clear();
    this.#slotOf.delete(session);
  }

  /** The session is done. Its text stays until another needs the room. */
  forget(session: Session): void {
    const slot = this.#slotOf.get(session);
    if (slot && slot.unconfirmed.size === 0) {
      slot.residue = { tenant: session.terms.tenant, log: session.log, isSettled: false };
    }
    this.release(session);
    this.images.leave(session);
  }

  /** An operation that could have failed did not. */
  confirm(session: Session, id: number): void {
    const slot = this.#slotOf.get(session);
    const source = slot?.unconfirmed.get(id);
    if (slot === undefined || source === undefined) return;
    slot.unconfirmed.delete(id);
    const isCopied = 'residue' in source;
    if (!isCopied) this.restoreCount++;
    if (isCopied || source.session === null) this.sharedTokenCount += slot.engineLength;
  }

  saveFailed(id: number): void {
    this.lostCacheCount++;
    this.images.fail(id);
  }

  /** An operation of a session has failed: nothing else is filled from what it was to use. */
  fail(session: Session, id: number): void {
    this.lostCacheCount++;
    const source = this.#slotOf.get(session)?.unconfirmed.get(id);
    if (source === undefined) return;
    if ('residue' in source) source.residue = null;
    else this.images.refused(source);
  }

  /** @throws InvariantError where owners and slots disagree. */
  checkIntegrity(): void {
    const owned = this.#slots.filter(({ owner }) => owner !== null);
    for (const { id, residue } of owned) assert(residue === null, `slot ${id} is owned and left`);
    assert(
      owned.length === this.#slotOf.size,
      `${owned.length} owned, ${this.#slotOf.size} owners`,
    );
    for (const slot of owned) {
      assert(this.#slotOf.get(slot.owner!) === slot, `slot ${slot.id} has two owners`);
    }
    this.images.checkIntegrity(this.#slotOf.keys());
  }

  #of(session: Session): SlotRecord {
    const slot = this.#slotOf.get(session);
    assert(slot !== undefined, `session ${session.key} has no slot`);
    return slot;
  }
}

/** Tokens that the owner has got since it has the slot. */
const turn = ({ owner, ownedFrom }: SlotRecord): number => owner!.log.length - ownedFrom;

const leastRecentlyUsed = (slots: readonly SlotRecord[]): SlotRecord =>
  slots.reduce((a, b) => (b.lastUsedMs < a.lastUsedMs ? b : a));

/** The slot that has been idle for longest, or else the one whose owner has got most. */
function leastMissed(
  slots: readonly SlotRecord[],
  isIdle: (session: Session) => boolean,
): SlotRecord | undefined {
  const idle = slots.filter(({ owner }) => isIdle(owner!));
  if (idle.length > 0) return leastRecentlyUsed(idle);
  return slots.length > 0 ? slots.reduce((a, b) => (turn(b) > turn(a) ? b : a)) : undefined;
}

/** Tokens of a session's text that a slot without owner holds, of those it can take over. */
function heldFor({ residue, engineLength, isFlying }: SlotRecord, session: Session): number {
  if (residue === null || isFlying) return 0;
  return sharedLength({ ...residue, length: engineLength }, session);
}
