// Plays a device that means harm: opens, drafts, resumes and closes as the protocol allows or
// almost so, knows what it was sent, and spoils some of its bytes. Its acts are plain data, so that
// a failing run shrinks.

import fc from 'fast-check';
import { type Law, pointLaw } from '../../math/law.js';
import { deviceFrame } from '../../protocol/arbitrary-frame.suite.js';
import { decodeDeviceFrame, encodeFrame } from '../../protocol/codec.js';
import {
  type DeviceFrame,
  isOffered,
  modes,
  modeTraits,
  type Open,
  type Scheme,
  type ServerFrame,
  schemes,
} from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { type Harness, hello, openFrame } from './core-harness.suite.js';

/** Bytes to change: where, as a share of the message, and with what. */
type Spoil = readonly (readonly [place: number, mask: number])[];

export type HostileAct =
  | { readonly kind: 'open'; readonly open: Partial<Open>; readonly spoil: Spoil }
  | {
      readonly kind: 'draft';
      readonly session: number;
      /** Whether it has heard what was said by now. */
      readonly isInformed: boolean;
      /** Added to the committed length and to the epoch that it knows of. */
      readonly ahead: number;
      readonly epochs: number;
      readonly ids: readonly number[];
      readonly residual: number | null;
      readonly more: boolean;
      readonly spoil: Spoil;
    }
  | { readonly kind: 'tail'; readonly session: number; readonly ahead: number }
  | { readonly kind: 'cancel' | 'close' | 'resume'; readonly session: number }
  | { readonly kind: 'any'; readonly frame: DeviceFrame; readonly spoil: Spoil }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'hear' | 'leave' | 'clog' | 'clear' };

const sessionMax = 12;
const session = fc.nat(sessionMax);
const spoil: fc.Arbitrary<Spoil> = fc.oneof(
  { weight: 15, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999 }), fc.nat(255)), { maxLength: 3 }),
  },
);
/** Mostly 0: most mistakes end the session that makes them. */
const oftenZero = (...others: readonly number[]): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
const ids = fc.array(fc.nat(15), { maxLength: 8 });
const everywhereBanned = new Map(Array.from({ length: 16 }, (_, id) => [id, -Infinity] as const));

const open = fc
  .record({
    prompt: fc
      .array(fc.nat(15), { minLength: 1, maxLength: 24 })
      .map((tokens) => ({ kind: 'ids', ids: Int32Array.from(tokens) }) as const),
    scheme: fc.constantFrom(...schemes),
    mode: fc.oneof(
      {
        weight: 8,
        arbitrary: fc.constantFrom(...modes.filter((mode) => modeTraits[mode].takesDrafts)),
      },
      { weight: 1, arbitrary: fc.constantFrom('stream' as const, 'co-located' as const) },
    ),
    tokensMax: fc.integer({ min: 1, max: 20 }),
    windowMax: fc.integer({ min: 1, max: 70 }),
    padBytes: fc.constantFrom(0, 0, 0, 64, 4096),
    aggregateMs: fc.constantFrom(0, 0, 0, 10, 200),
    // A law without a token fails the pass it is in.
    isPoison: fc.nat(9).map((roll) => roll === 0),
  })
  .filter(({ scheme, mode }) => isOffered(scheme, mode))
  .map(({ isPoison, ...rest }): Partial<Open> => {
    const { sampling } = openFrame();
    return isPoison ? { ...rest, sampling: { ...sampling, logitBias: everywhereBanned } } : rest;
  });

export const hostileAct: fc.Arbitrary<HostileAct> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('open' as const), open, spoil }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('draft' as const),
      session,
      isInformed: fc.nat(3).map((roll) => roll > 0),
      ahead: oftenZero(-1, -1, 1, 5, -40),
      epochs: oftenZero(1, 1, 1, -1, 7),
      ids,
      residual: fc.option(fc.nat(15)),
      more: fc.boolean(),
      spoil,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('tail' as const), session, ahead: fc.nat(1) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('cancel' as const, 'close' as const, 'resume' as const),
      session,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('any' as const), frame: deviceFrame, spoil }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('bytes' as const),
      bytes: fc.uint8Array({ maxLength: 40 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('hear' as const, 'clog' as const, 'clear' as const, 'leave' as const),
    }),
  },
);

/** A session as the hostile device believes it to be. */
interface View {
  readonly scheme: Scheme;
  /** Where it was last opened or resumed. */
  connection: number;
  id: number;
  isResidualDue: boolean;
  /** There is nothing left to say to it. */
  isOver: boolean;
  log: number[];
  epoch: number;
  resumeKey: Uint8Array | null;
}

export class HostilePeer {
  /** Faults that it was told of, and how its answers ended. */
  readonly met = new Map<string, number>();
  readonly #harness: Harness;
  readonly #views: View[] = [];
  #connection: number;
  #nextId = 0;

  /** Takes connection numbers from `connection` on. */
  constructor(harness: Harness, connection: number) {
    this.#harness = harness;
    this.#connection = connection;
    harness.connect(connection);
  }

  act(act: HostileAct): void {
    if (this.#harness.closed.has(this.#connection)) this.#comeBack();
    switch (act.kind) {
      case 'open':
        this.#open(act.open, act.spoil);
        return;
      case 'any':
        this.#send(act.frame, act.spoil);
        return;
      case 'bytes':
        this.#deliver(act.bytes);
        return;
      case 'hear':
        for (const frame of this.#harness.take(this.#connection)) this.#hear(frame);
        return;
      case 'leave':
        this.#comeBack();
        return;
      case 'clog':
      case 'clear': {
        const kind = act.kind === 'clog' ? 'clogged' : 'cleared';
        this.#harness.feed({ kind, connection: this.#connection });
        return;
      }
      default:
        this.#actOn(act);
    }
  }

  #actOn(act: Extract<HostileAct, { session: number }>): void {
    const view = this.#pick(act);
    if (view === undefined) return;
    if (act.kind === 'cancel' || act.kind === 'close') view.isOver = true;
    const { id: session, log } = view;
    if (act.kind === 'draft') this.#draft(view, act);
    else if (act.kind === 'resume') this.#resume(view);
    else if (act.kind === 'tail') {
      this.#send({ kind: 'tail-request', session, position: log.length + act.ahead });
    } else this.#send({ kind: act.kind, session });
  }

  /** The session that is meant: one for which it makes sense, or now and then any. */
  #pick(act: Extract<HostileAct, { session: number }>): View | undefined {
    const makesSense = ({ connection, isOver, resumeKey }: View): boolean =>
      act.kind === 'resume' ? resumeKey !== null : connection === this.#connection && !isOver;
    const views = act.session === sessionMax ? this.#views : this.#views.filter(makesSense);
    return views[views.length - 1 - (act.session % Math.max(1, views.length))];
  }

  /** Gone without a word, and here again. */
  #comeBack(): void {
    for (const frame of this.#harness.take(this.#connection)) this.#hear(frame);
    this.#harness.disconnect(this.#connection);
    this.#connection++;
    this.#nextId = 0;
    this.#harness.connect(this.#connection, hello);
  }

  #open(changes: Partial<Open>, spoilt: Spoil): void {
    const frame = openFrame({ ...changes, session: this.#nextId++ });
    const log = frame.prompt.kind === 'ids' ? [...frame.prompt.ids] : [];
    const { scheme, session: id } = frame;
    const connection = this.#connection;
    this.#views.push({
      scheme,
      connection,
      id,
      isResidualDue: false,
      isOver: false,
      log,
      epoch: 0,
      resumeKey: null,
    });
    this.#send(frame, spoilt);
  }

  #draft(view: View, act: HostileAct & { readonly kind: 'draft' }): void {
    if (act.isInformed) this.act({ kind: 'hear' });
    const { scheme, id, log, epoch, isResidualDue } = view;
    const count = act.ids.length;
    const laws = (): Law[] => act.ids.map((token) => pointLaw(token));
    const residual = isResidualDue ? act.residual : null;
    this.#send(
      {
        kind: 'draft',
        session: id,
        epoch: Math.max(0, epoch + act.epochs),
        from: Math.max(1, log.length + act.ahead + (residual === null ? 0 : 1)),
        ids: Int32Array.from(act.ids),
        probs: scheme === 'split' && count > 0 ? new Float64Array(count).fill(0.5) : null,
        laws: scheme === 'full' && count > 0 ? laws() : null,
        residual,
        more: act.more && (scheme === 'split' || scheme === 'full'),
        chances: null,
      },
      act.spoil,
    );
    view.epoch = Math.max(0, epoch + act.epochs);
  }

  #resume(view: View): void {
    view.id = this.#nextId++;
    view.connection = this.#connection;
    this.#send({
      kind: 'resume',
      session: view.id,
      resumeKey: view.resumeKey ?? new Uint8Array(16),
      committedLength: view.log.length,
      logHash: tokenLogHash(Int32Array.from(view.log)),
    });
  }

  #hear(frame: ServerFrame): void {
    const what =
      frame.kind === 'failure' ? frame.code : frame.kind === 'verdict' ? frame.end : null;
    if (what !== null) this.met.set(what, (this.met.get(what) ?? 0) + 1);
    if (!('session' in frame) || frame.session === null) return;
    const view = this.#views.findLast(
      ({ id, connection }) => id === frame.session && connection === this.#connection,
    );
    if (view === undefined) return;
    view.isOver ||= what !== null;
    if (frame.kind === 'opened') view.resumeKey = frame.resumeKey;
    if (frame.kind !== 'verdict' && frame.kind !== 'resumed') return;
    // Below `from` it should hold its own drafts; what it holds there is made up.
    while (view.log.length < frame.from) view.log.push(2);
    view.log.length = frame.from;
    view.log.push(...frame.tokens);
    view.isResidualDue = frame.kind === 'verdict' && frame.law !== null;
  }

  #send(frame: DeviceFrame, spoilt: Spoil = []): void {
    const bytes = encodeFrame(frame);
    for (const [place, mask] of spoilt) bytes[Math.floor(place * bytes.length)]! ^= mask;
    this.#deliver(bytes);
  }

  /** As the shell does. */
  #deliver(bytes: Uint8Array): void {
    const connection = this.#connection;
    const decoded = decodeDeviceFrame(bytes, limits.frameBytes.value);
    if ('ok' in decoded) this.#harness.send(connection, decoded.ok);
    else this.#harness.feed({ kind: 'fault', connection, fault: decoded.fault });
  }

  leave(): void {
    this.act({ kind: 'hear' });
    this.#harness.disconnect(this.#connection);
  }
}
