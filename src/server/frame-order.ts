// Keeps the frames of a session in order while its Open is prepared: they wait, and those of other
// sessions pass, since pictures of an Open may take minutes. Opens with higher ids pass too, so the
// core is told of the id at once.

import { type DeviceFrame, sessionOf } from '../protocol/frame.js';
import type { ServerInput } from './core/event.js';
import type { PreparedOpen } from './core/prepared-open.js';

export type FrameInput = Extract<ServerInput, { kind: 'frame' }>;
type FaultInput = Extract<ServerInput, { kind: 'fault' }>;

/** What may wait on one connection: an honest device sends an Open and a few drafts behind it. */
const waitingMax = 256;
const waitingBytesMax = 16 * 2 ** 20;

interface Waiting {
  readonly event: FrameInput | FaultInput;
  /** Whether an Open has been prepared; true of all other frames. */
  isReady: boolean;
  prepared: PreparedOpen | null;
}

export class FrameOrder {
  readonly #feed: (event: ServerInput) => void;
  readonly #drop: (prepared: PreparedOpen) => void;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #isOver = false;

  /**
   * @param feed hands the core an event.
   * @param drop takes what was prepared back: the core will not hear of it.
   */
  constructor(feed: (event: ServerInput) => void, drop: (prepared: PreparedOpen) => void) {
    this.#feed = feed;
    this.#drop = drop;
  }

  /**
   * Takes a frame.
   *
   * @param prepare begins to prepare an Open; called once, in the order of the frames.
   * @returns false where too much waits: the connection has to end.
   */
  take(
    event: FrameInput,
    prepare: (frame: DeviceFrame & { kind: 'open' }) => PreparedOpen | Promise<PreparedOpen>,
  ): boolean {
    const { frame, bytes = 0 } = event;
    const prepared = frame.kind === 'open' ? prepare(frame) : null;
    const isReady = !(prepared instanceof Promise);
    if (frame.kind === 'open' && !isReady) {
      const { connection } = event;
      this.#feed({ kind: 'reserved', connection, session: frame.session });
    }
    if (isReady && !this.#waitsFor(frame)) {
      this.#feed(prepared === null ? event : { ...event, prepared });
      return true;
    }
    const waiting: Waiting = { event, isReady, prepared: isReady ? prepared : null };
    this.#waiting.push(waiting);
    this.#bytes += bytes;
    if (prepared instanceof Promise) {
      void prepared.then((made) => {
        if (this.#isOver) {
          this.#drop(made);
          return;
        }
        waiting.prepared = made;
        waiting.isReady = true;
        this.#drain();
      });
    }
    return this.#waiting.length <= waitingMax && this.#bytes <= waitingBytesMax;
  }

  /** Takes a fault, which is of the connection or of a session. */
  fault(event: FaultInput): void {
    const { session } = event.fault;
    const isBehind = session !== null && this.#waiting.some((one) => sessionIn(one) === session);
    if (isBehind) this.#waiting.push({ event, isReady: true, prepared: null });
    else this.#feed(event);
  }

  /** The connection is gone: what waits is dropped. */
  end(): void {
    this.#isOver = true;
    for (const { prepared } of this.#waiting.splice(0)) if (prepared !== null) this.#drop(prepared);
  }

  #waitsFor(frame: DeviceFrame): boolean {
    const session = sessionOf(frame);
    return session !== null && this.#waiting.some((one) => sessionIn(one) === session);
  }

  #drain(): void {
    const held = new Set<number | null>();
    for (const one of this.#waiting.splice(0)) {
      const session = sessionIn(one);
      if (one.isReady && !held.has(session)) {
        const { event, prepared } = one;
        if (event.kind === 'frame') this.#bytes -= event.bytes ?? 0;
        this.#feed(event.kind === 'frame' && prepared !== null ? { ...event, prepared } : event);
      } else {
        this.#waiting.push(one);
        held.add(session);
      }
    }
  }
}

const sessionIn = ({ event }: Waiting): number | null =>
  event.kind === 'frame' ? sessionOf(event.frame) : event.fault.session;
