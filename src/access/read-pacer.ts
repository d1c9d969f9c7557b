// Decides which sockets may be read now, so that cheap messages of one peer do not keep the event
// loop from the others. A socket is read at once within the allowance of its connection, its lane
// (a key, or an address without one) and the server. Those beyond wait, and share a small part of
// the loop's time: lane by lane, and within a lane socket by socket.

/** Work is counted in units: about ten microseconds of the event loop, or 4 KiB. */
export const unitBytes = 4096;
const unitMs = 0.01;
/** A request, which costs more than a frame. */
export const requestUnits = 16;
/** To take a connection, and to close it. */
export const connectionUnits = 8;
/** A handshake of TLS: a signature, and an exchange of keys. */
export const handshakeUnits = 160;

interface Rate {
  readonly perSecond: number;
  /** Units that may come at once. */
  readonly burst: number;
}

export type LaneKind = 'address' | 'key' | 'open';

const serverRate: Rate = { perSecond: 48_000, burst: 2_048 };
const connectionRate: Rate = { perSecond: 4_000, burst: 128 };
/** Where no key is asked for, a connection may be all that there is. */
const openRate: Rate = { perSecond: 16_000, burst: 512 };
const laneRates: Readonly<Record<LaneKind, Rate>> = {
  address: { perSecond: 1_000, burst: 1_024 },
  key: { perSecond: 4_000, burst: 256 },
  // Without keys all callers share one lane.
  open: serverRate,
};

/** Units that one socket gets when its turn has come. */
const quantumUnits = 8;
/** Sockets that are served in one turn of the loop. */
const servedMax = 2;
/** Share of the loop's time that sockets beyond their allowance get together. */
const waitingShare = 0.1;
const pauseMinMs = 1;
/** Lanes without sockets are looked through when there are so many. */
const lanesMin = 64;

/** Units that fill up evenly over time. */
class Allowance {
  readonly #rate: Rate;
  #level: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#level = rate.burst;
    this.#atMs = nowMs;
  }

  /** What is left now; <= 0: nothing. */
  level(nowMs: number): number {
    const { perSecond, burst } = this.#rate;
    this.#level = Math.min(burst, this.#level + ((nowMs - this.#atMs) * perSecond) / 1000);
    this.#atMs = nowMs;
    return this.#level;
  }

  isFull(nowMs: number): boolean {
    return this.level(nowMs) >= this.#rate.burst;
  }

  /**
   * After `level` of the same time. Debts are bounded: a second of it is paid, and no more. What
   * frames cost beside their reading is known only once they have been read, so a burst of Opens is
   * many times a burst.
   */
  spend(units: number): void {
    this.#level = Math.max(-this.#rate.perSecond, this.#level - units);
  }
}

/** A socket that waits for its turn. */
export interface Waiting {
  /** May use so many units now. */
  serve(units: number): void;
}

class Lane {
  readonly allowance: Allowance;
  readonly waiting = new Set<Waiting>();
  readerCount = 0;

  constructor(rate: Rate, nowMs: number) {
    this.allowance = new Allowance(rate, nowMs);
  }
}

/** How the pacer sees time; tests have a clock of their own. */
export interface PacerClock {
  now(): number;
  /** After what the present turn of the event loop still does; milliseconds 0: in the next one. */
  later(run: () => void, ms: number): void;
}

const realClock: PacerClock = {
  now: () => performance.now(),
  later: (run, ms) => {
    if (ms <= 0) setImmediate(run);
    else setTimeout(run, ms);
  },
};

export class ReadPacer {
  readonly #clock: PacerClock;
  readonly #server: Allowance;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes with waiting sockets, in the order of their turns. */
  readonly #queue = new Set<Lane>();
  #sweepAt = lanesMin;
  #nextAtMs = 0;
  #isServing = false;
  #turn = 0;
  #turnUnits = 0;

  constructor(clock: PacerClock = realClock) {
    this.#clock = clock;
    this.#server = new Allowance(serverRate, clock.now());
  }

  /** Lanes that are remembered. */
  get laneCount(): number {
    return this.#lanes.size;
  }

  /** The account of a new connection. @param name of the key or address. */
  open(kind: LaneKind, name: string): PacedAccount {
    return new PacedAccount(this, this.#clock.now(), kind, name);
  }

  /** The lane of this name, with one socket more. */
  enter(kind: LaneKind, name: string): Lane {
    const id = `${kind} ${name}`;
    let lane = this.#lanes.get(id);
    if (lane === undefined) {
      if (this.#lanes.size >= this.#sweepAt) this.#sweep();
      lane = new Lane(laneRates[kind], this.#clock.now());
      this.#lanes.set(id, lane);
    }
    lane.readerCount++;
    return lane;
  }

  /** Forgets lanes that have no sockets and lack nothing. */
  #sweep(): void {
    const nowMs = this.#clock.now();
    for (const [id, { readerCount, allowance }] of this.#lanes) {
      if (readerCount === 0 && allowance.isFull(nowMs)) this.#lanes.delete(id);
    }
    this.#sweepAt = Math.max(lanesMin, 2 * this.#lanes.size);
  }

  /** Units that a connection may use now. */
  left(own: Allowance, lane: Lane): number {
    const nowMs = this.#clock.now();
    const { allowance } = lane;
    return Math.min(own.level(nowMs), allowance.level(nowMs), this.#server.level(nowMs));
  }

  spend(own: Allowance, lane: Lane, units: number): void {
    own.spend(units);
    lane.allowance.spend(units);
    this.#server.spend(units);
  }

  /** The turn in which waiting sockets are served. */
  get turn(): number {
    return this.#turn;
  }

  /** A socket that is served in this turn has used so many units. */
  serveUnits(units: number): void {
    this.#turnUnits += units;
  }

  wait(lane: Lane, socket: Waiting): void {
    lane.waiting.add(socket);
    this.#queue.add(lane);
    if (this.#isServing) return;
    this.#isServing = true;
    this.#clock.later(this.#serve, this.#nextAtMs - this.#clock.now());
  }

  leave(lane: Lane, socket: Waiting): void {
    lane.waiting.delete(socket);
    if (lane.waiting.size === 0) this.#queue.delete(lane);
  }

  readonly #serve = (): void => {
    const startedMs = this.#clock.now();
    for (let count = 0; count < servedMax && this.#queue.size > 0; count++) this.#serveNext();
    // Behind what the sockets bring, which is handled when they have all been read.
    process.nextTick(() => this.#clock.later(() => this.#rest(startedMs), 0));
  };

  #serveNext(): void {
    const [lane] = this.#queue as Iterable<Lane>;
    const [socket] = lane!.waiting as Iterable<Waiting>;
    this.leave(lane!, socket!);
    // To the end of the line.
    if (this.#queue.delete(lane!)) this.#queue.add(lane!);
    socket!.serve(quantumUnits);
  }

  /**
   * The turn is over: the loop is left to the others in proportion to what it took, and to what its
   * frames will take that are handled later.
   */
  #rest(startedMs: number): void {
    const nowMs = this.#clock.now();
    const tookMs = Math.max(nowMs - startedMs, this.#turnUnits * unitMs);
    this.#turn++;
    this.#turnUnits = 0;
    const pauseMs = Math.max(pauseMinMs, tookMs * (1 / waitingShare - 1));
    this.#nextAtMs = nowMs + pauseMs;
    this.#isServing = this.#queue.size > 0;
    if (this.#isServing) this.#clock.later(this.#serve, pauseMs);
  }
}

/** What one connection may use, and whether it waits. */
export class PacedAccount {
  readonly #pacer: ReadPacer;
  readonly #own: Allowance;
  #lane: Lane;
  #credit = 0;
  /** In which it was served last. */
  #turn = -1;
  #waiting: Waiting | null = null;
  #isOpen = true;

  constructor(pacer: ReadPacer, nowMs: number, kind: LaneKind, name: string) {
    this.#pacer = pacer;
    this.#own = new Allowance(kind === 'open' ? openRate : connectionRate, nowMs);
    this.#lane = pacer.enter(kind, name);
  }

  /** It has shown a key, in what it was just allowed to send. */
  move(kind: LaneKind, name: string): void {
    if (!this.#isOpen) return;
    const lane = this.#pacer.enter(kind, name);
    this.#lane.readerCount--;
    this.#lane = lane;
  }

  /** Units that may be used now; <= 0: none, so `wait`. */
  get units(): number {
    if (this.#waiting !== null) return 0;
    return this.#credit > 0 ? this.#credit : this.#pacer.left(this.#own, this.#lane);
  }

  /** May be more than there are: the next ones wait longer then. */
  spend(units: number): void {
    if (this.#turn === this.#pacer.turn) this.#pacer.serveUnits(units);
    if (this.#credit > 0) this.#credit = Math.max(0, this.#credit - units);
    else this.#pacer.spend(this.#own, this.#lane, units);
  }

  /** Calls back when its turn has come. */
  wait(socket: Waiting): void {
    if (this.#waiting !== null || !this.#isOpen) return;
    this.#waiting = {
      serve: (units) => {
        this.#waiting = null;
        this.#credit = units;
        this.#turn = this.#pacer.turn;
        socket.serve(units);
      },
    };
    this.#pacer.wait(this.#lane, this.#waiting);
  }

  #leave(): void {
    if (this.#waiting !== null) this.#pacer.leave(this.#lane, this.#waiting);
    this.#waiting = null;
  }

  /** The connection is gone. */
  close(): void {
    if (!this.#isOpen) return;
    this.#leave();
    this.#isOpen = false;
    this.#lane.readerCount--;
  }
}
