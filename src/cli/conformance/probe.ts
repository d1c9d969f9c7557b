// Opens connections to a server under test, as a device that may break every rule: it sends any
// bytes, and gives back what the server answers, frame by frame.

import { type DeviceTls, dialWebSocket } from '../../device/websocket-dialer.js';
import { decodeServerFrame, frameShapes } from '../../protocol/codec.js';
import type {
  DeviceFrame,
  Failure,
  Hello,
  ServerFrame,
  Verdict,
  Welcome,
} from '../../protocol/frame.js';
import type { Transport, TransportEnd } from '../../protocol/transport.js';
import { versionMax } from '../../protocol/version.js';
import { wireTypes } from '../../protocol/wire-reader.js';
import { WireWriter } from '../../protocol/wire-writer.js';
import { expectThat, RuleBroken } from './conformance-check.js';

const writer = new WireWriter();

/** Bytes of a frame that need not be legal: `encodeFrame` without its checks. */
export function uncheckedBytes(frame: DeviceFrame): Uint8Array {
  const { number, message } = frameShapes[frame.kind];
  return writer.collect(() => {
    writer.tag(number, wireTypes.bytes);
    writer.delimited(() => message.write(writer, frame));
  });
}

export const bytesOfHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

/** A greeting without a vocabulary. */
export const plainHello: Hello = {
  kind: 'hello',
  versionMin: 1,
  versionMax,
  name: 'conformance',
  key: '',
  fingerprint: '',
  vocabSize: 0,
  blockHashes: new Uint32Array(0),
};

export interface ProbeOptions {
  readonly key?: string;
  readonly tls?: DeviceTls;
  readonly insecureKeyInClear?: boolean;
  /** An answer that takes longer is none. */
  readonly waitMs: number;
}

interface Arrival {
  readonly frame: ServerFrame;
  readonly bytes: Uint8Array;
}

type FrameOf<Kind extends ServerFrame['kind']> = Extract<ServerFrame, { kind: Kind }>;

/** One connection. */
export class ProbeLine {
  readonly #transport: Transport;
  readonly #waitMs: number;
  readonly #arrivals: Arrival[] = [];
  #fault: string | null = null;
  #end: TransportEnd | null = null;
  #wake: () => void = () => undefined;

  private constructor(transport: Transport, waitMs: number) {
    this.#transport = transport;
    this.#waitMs = waitMs;
    transport.listen({
      message: (bytes) => this.#onMessage(bytes),
      closed: (end) => {
        this.#end = end;
        this.#wake();
      },
    });
  }

  /** Connects, without a greeting. */
  static async connect(url: string, { waitMs, ...options }: ProbeOptions): Promise<ProbeLine> {
    const signal = AbortSignal.timeout(waitMs);
    return new ProbeLine(
      await dialWebSocket(url, { ...options, timeoutMs: waitMs }, signal),
      waitMs,
    );
  }

  #onMessage(bytes: Uint8Array): void {
    const decoded = decodeServerFrame(bytes);
    if ('ok' in decoded) this.#arrivals.push({ frame: decoded.ok, bytes });
    else this.#fault = `a message of the server is no frame: ${decoded.fault.message}`;
    this.#wake();
  }

  send(frame: DeviceFrame): void {
    this.sendBytes(uncheckedBytes(frame));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#transport.send(bytes);
  }

  /** The next message. Hints, fillers and drains are passed over unless they are wanted. */
  async arrival(wanted = ''): Promise<Arrival> {
    while (true) {
      const arrival = await this.#first(wanted);
      const { kind } = arrival.frame;
      if (kind === wanted || !['hint', 'pong', 'drain'].includes(kind)) return arrival;
    }
  }

  async #first(wanted: string): Promise<Arrival> {
    const timer = setTimeout(() => this.#wake(), this.#waitMs);
    const until = Date.now() + this.#waitMs;
    try {
      while (true) {
        const arrival = this.#arrivals.shift();
        if (arrival !== undefined) return arrival;
        if (this.#fault !== null) throw new RuleBroken(this.#fault);
        if (this.#end !== null) {
          throw new RuleBroken(
            `closed with ${this.#end.code} where ${wanted || 'a frame'} was due`,
          );
        }
        if (Date.now() >= until - 1) {
          throw new RuleBroken(`no ${wanted || 'frame'} came in ${this.#waitMs} ms`);
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next frame, which has to be of this kind. */
  async next<Kind extends ServerFrame['kind']>(kind: Kind): Promise<FrameOf<Kind>> {
    const { frame } = await this.arrival(kind);
    const isWanted = frame.kind === kind;
    const said = frame.kind === 'failure' ? `failure ${frame.code}: ${frame.message}` : frame.kind;
    expectThat(isWanted, `${said} came where ${kind} was due`);
    return frame as FrameOf<Kind>;
  }

  async greet(hello: Partial<Hello> = {}): Promise<Welcome> {
    this.send({ ...plainHello, ...hello });
    return this.next('welcome');
  }

  /** A Failure with this code, of a session (its id) or of the connection (null), and the close. */
  async refusal(
    code: Failure['code'],
    session: number | null,
    closeCode: number,
  ): Promise<Failure> {
    const failure = await this.#failure();
    expectThat(failure.code === code, `failure ${failure.code} in place of ${code}`);
    const scope = failure.session === null ? 'the connection' : `session ${failure.session}`;
    expectThat(failure.session === session, `${code} ended ${scope}`);
    if (session !== null) await this.isAlive();
    else {
      const end = await this.closed();
      expectThat(end.code === closeCode, `closed with ${end.code} in place of ${closeCode}`);
    }
    return failure;
  }

  /** The next Failure; verdicts may have been on their way. */
  async #failure(): Promise<Failure> {
    while (true) {
      const { frame } = await this.arrival('failure');
      if (frame.kind === 'failure') return frame;
      expectThat(frame.kind === 'verdict', `${frame.kind} came where failure was due`);
    }
  }

  /** A Ping gets its Pong. @returns the verdicts that came before it; nothing else may. */
  async isAlive(): Promise<Verdict[]> {
    const nonce = 0x5eed;
    const verdicts: Verdict[] = [];
    this.send({ kind: 'ping', nonce, isCover: false });
    while (true) {
      const { frame } = await this.arrival('pong');
      if (frame.kind === 'pong' && frame.nonce === nonce) return verdicts;
      if (frame.kind === 'verdict') verdicts.push(frame);
      const isLate = frame.kind === 'verdict' || frame.kind === 'pong' || frame.kind === 'opened';
      expectThat(isLate, `${frame.kind} came before the Pong`);
    }
  }

  /** How the server has closed the connection. */
  async closed(): Promise<TransportEnd> {
    const until = Date.now() + this.#waitMs;
    const timer = setTimeout(() => this.#wake(), this.#waitMs);
    while (this.#end === null && Date.now() < until - 1) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    expectThat(this.#end !== null, `the connection is open ${this.#waitMs} ms later`);
    return this.#end;
  }

  /** Leaves: with a close frame. */
  close(): void {
    this.#transport.close(1000, '');
  }
}
