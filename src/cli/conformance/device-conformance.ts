// Plays a server for one answer of the device under test: cuts the link after a third of the
// answer, again after two thirds, refuses the second resumption, and judges every frame that comes.

import { firstImageToken } from '../../base/image-token.js';
import { decodeDeviceFrame, encodeFrame } from '../../protocol/codec.js';
import {
  type DeviceFrame,
  modes,
  type Open,
  type PicturePart,
  type Resume,
  type ServerFrame,
  schemes,
} from '../../protocol/frame.js';
import { withImages } from '../../protocol/image-spans.js';
import { limits } from '../../protocol/limits.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { versionMax, versionOfPictures } from '../../protocol/version.js';
import type { ConformanceResult } from './conformance-check.js';
import { RuleBook } from './rule-book.js';
import { listenScripted, type ScriptedPeer } from './scripted-listener.js';
import { type KeptPictures, ScriptedPictures } from './scripted-pictures.js';
import { ScriptedSession } from './scripted-session.js';

export interface DeviceTestOptions {
  readonly port: number;
  /** An answer that makes no progress for so long has stopped. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly onListening: (address: string) => void;
}

/** Between two unasked tokens of race, auto and stream. */
const stepMs = 15;
/** After the end late frames are judged for a moment. */
const lingerMs = 300;
/** Unknown field 100 of the message Frame, and padding. */
const unknownField = Uint8Array.of(0xa2, 0x06, 0x02, 0x01, 0x02, 0x9a, 0x01, 0x01, 0x00);
const promptOfText = [1, 45, 46, 47];
/** Tokens of each image. */
const imageTokens = 2;
const resumeKey = new Uint8Array(16).fill(7);

interface Line {
  lastId: number;
  isGreeted: boolean;
}

class DeviceTest {
  readonly book = new RuleBook();
  readonly #lines = new Map<ScriptedPeer, Line>();
  #session: ScriptedSession | null = null;
  #peer: ScriptedPeer | null = null;
  /** Of an Open that is not answered yet. */
  #awaited: { readonly open: Open; readonly pictures: ScriptedPictures } | null = null;
  readonly #kept: KeptPictures = new Map();
  #openCount = 0;
  #id = 0;
  #cutCount = 0;
  #isWaiting = false;
  #vocabSize = 4096;
  /** Infinity before a device has come. */
  progressAtMs = Number.POSITIVE_INFINITY;
  isDone = false;

  connected(peer: ScriptedPeer): void {
    if (this.#lines.size === 0) this.progressAtMs = Date.now();
    this.#lines.set(peer, { lastId: -1, isGreeted: false });
  }

  disconnected(peer: ScriptedPeer): void {
    if (peer === this.#peer && this.#session?.isOver) this.isDone = true;
  }

  message(peer: ScriptedPeer, bytes: Uint8Array): void {
    const line = this.#lines.get(peer)!;
    const decoded = decodeDeviceFrame(bytes);
    if ('fault' in decoded) {
      const rule = line.isGreeted ? (this.#session === null ? 'open' : 'drafts') : 'greeting';
      this.book.judge(rule, false, decoded.fault.message);
      return;
    }
    const frame = decoded.ok;
    const isHello = frame.kind === 'hello';
    this.book.judge('greeting', isHello !== line.isGreeted, `${frame.kind} out of its place`);
    line.isGreeted = true;
    if (line.lastId >= 0 && !isHello) this.book.judge('newer fields', true, '');
    this.#take(peer, line, frame);
  }

  #take(peer: ScriptedPeer, line: Line, frame: DeviceFrame): void {
    switch (frame.kind) {
      case 'hello':
        this.#greet(peer, frame);
        return;
      case 'open':
      case 'resume':
        this.book.judge('session ids', frame.session > line.lastId, `id ${frame.session} again`);
        line.lastId = frame.session;
        [this.#peer, this.#id] = [peer, frame.session];
        if (frame.kind === 'open') this.#open(frame);
        else this.#resume(frame);
        return;
      case 'draft':
        if (frame.session === this.#id && peer === this.#peer) this.#session?.draft(frame);
        this.step(false);
        return;
      case 'picture-part':
        if (frame.session === this.#id && peer === this.#peer) this.#see(frame);
        return;
      case 'ping':
        if (!frame.isCover) this.#send(peer, { kind: 'pong', nonce: frame.nonce });
        return;
      case 'close':
        if (this.#session?.isOver) this.isDone = true;
        return;
      default:
        return;
    }
  }

  /** Every message has fields of a newer version. */
  #send(peer: ScriptedPeer, frame: ServerFrame): void {
    peer.send(Uint8Array.from([...encodeFrame(frame), ...unknownField]));
  }

  #greet(peer: ScriptedPeer, frame: Extract<DeviceFrame, { kind: 'hello' }>): void {
    const version = Math.min(versionMax, frame.versionMax);
    this.book.judge('greeting', frame.versionMin <= version, `versions from ${frame.versionMin}`);
    if (frame.vocabSize > 0) this.#vocabSize = frame.vocabSize;
    this.#send(peer, {
      kind: 'welcome',
      version,
      modelName: 'scripted',
      // Whatever vocabulary the device has is taken for the target's.
      fingerprint: frame.fingerprint,
      vocabSize: this.#vocabSize,
      schemes,
      modes: version >= 4 ? modes : modes.filter((mode) => !/auto|co-located/.test(mode)),
      contextLength: 4096,
      limits: {
        frameBytes: limits.frameBytes.value,
        sessions: 4,
        promptTokens: 2048,
        draftTokens: 64,
        windowTokens: 64,
        resumeMs: 60_000,
        silenceMs: 60_000,
      },
      ...{ passUs: 1000, padBytes: 0, aggregateMs: 0, seesPictures: version >= versionOfPictures },
    });
  }

  #open(frame: Open): void {
    if (this.#session !== null) this.#judgeReopening(this.#session, frame);
    this.book.judge('open', frame.tokensMax > frame.answer.length, 'no token is left to write');
    const pictures = new ScriptedPictures(frame, this.#kept, this.book);
    this.#awaited = { open: frame, pictures };
    this.#ask();
  }

  #judgeReopening(
    { open, committed, promptLength, announced }: ScriptedSession,
    again: Open,
  ): void {
    const { prompt, answer, pictures, seed, scheme } = again;
    const hasPictures = open.pictures.length > 0;
    const names = (refs: Open['pictures']): string =>
      refs.map(({ hash }) => Buffer.from(hash).toString('hex')).join();
    const isPrompt = hasPictures
      ? prompt.kind === 'messages' && names(pictures) === names(open.pictures)
      : prompt.kind === 'ids' &&
        prompt.ids.length === promptLength &&
        prompt.ids.every((token, index) => token === committed[index]);
    const length = promptLength + answer.length;
    const isSame =
      isPrompt &&
      length <= announced &&
      answer.every((token, index) => token === committed[promptLength + index]);
    this.book.judge('reopening', isSame, `an Open with ${answer.length} tokens of the answer`);
    this.book.judge('reopening', seed === open.seed && scheme === open.scheme, 'another seed');
  }

  #see(part: PicturePart): void {
    const awaited = this.#awaited;
    if (awaited === null) {
      this.book.judge('pictures', false, 'a part that was not wanted');
      return;
    }
    this.progressAtMs = Date.now();
    if (awaited.pictures.take(part)) this.#ask();
  }

  /** For the next picture; where there is none, the session is open. */
  #ask(): void {
    const { open, pictures } = this.#awaited!;
    const { want, isWhole } = pictures;
    if (want !== null) {
      const { session } = open;
      this.#send(this.#peer!, { kind: 'pictures-wanted', session, wanted: [want] });
    }
    if (!isWhole) return;
    this.#awaited = null;
    this.#answer(open);
  }

  #answer(frame: Open): void {
    const { prompt, pictures, session } = frame;
    const firstId = firstImageToken + 1000 * this.#openCount++;
    // Behind the start token; another server has other ids.
    const images = pictures.map((_, index) => ({
      from: 1 + index * imageTokens,
      count: imageTokens,
      firstId: firstId + index * imageTokens,
    }));
    const absent = new Array<number>(images.length * imageTokens).fill(0);
    const told = prompt.kind === 'ids' ? [...prompt.ids] : promptOfText.toSpliced(1, 0, ...absent);
    const ids = [...withImages(Int32Array.from(told), images)];
    this.#session = new ScriptedSession(frame, ids, this.#vocabSize, this.book);
    this.#send(this.#peer!, {
      kind: 'opened',
      session,
      resumeKey,
      promptLength: ids.length,
      promptIds: prompt.kind === 'ids' ? new Int32Array(0) : Int32Array.from(told),
      windowMax: Math.min(64, frame.windowMax),
      images,
    });
  }

  #resume({ session, committedLength, logHash, resumeKey: key }: Resume): void {
    const own = this.#session;
    this.#isWaiting = false;
    const isKnown = own !== null && Buffer.from(key).equals(resumeKey);
    this.book.judge('resumption', isKnown, 'a Resume with another key');
    if (own === null) return;
    const isHeld = committedLength >= own.promptLength && committedLength <= own.announced;
    const length = `${committedLength} tokens, where ${own.announced} were told`;
    this.book.judge('resumption', isHeld, length);
    const log = Int32Array.from(own.committed.slice(0, committedLength));
    this.book.judge('resumption', tokenLogHash(log) === logHash, 'another hash');
    if (this.#cutCount > 1) {
      const refusal = { code: 'resume-refused', message: 'scripted', retryAfterMs: 0 } as const;
      this.#send(this.#peer!, { kind: 'failure', session, block: null, ...refusal });
      return;
    }
    const { epoch } = own;
    const tokens = own.resume(committedLength);
    this.#send(this.#peer!, {
      ...{ kind: 'resumed', session, epoch, from: committedLength, tokens, logprobs: null },
    });
  }

  /** Lets the target go on where it may. @param isFree whether it may write unasked. */
  step(isFree: boolean): void {
    const session = this.#session;
    if (session === null || this.#isWaiting || this.#awaited !== null || !session.wantsStep(isFree))
      return;
    const verdict = { ...session.step(), session: this.#id };
    // The link is lost before the verdict leaves: it is told by Resumed.
    if (this.#isCutDue(session)) {
      this.#cutCount++;
      this.#isWaiting = true;
      this.#peer!.cut();
      return;
    }
    session.told();
    this.progressAtMs = Date.now();
    this.#send(this.#peer!, verdict);
    if (session.isOver) setTimeout(() => (this.isDone = true), lingerMs);
  }

  #isCutDue({ answerLength, open, isOver }: ScriptedSession): boolean {
    if (isOver || this.#cutCount > 1) return false;
    return answerLength > (open.tokensMax * (this.#cutCount + 1)) / 3;
  }
}

/** Waits for a device, and tells its results once its answer has ended or it has stopped. */
export async function* checkDevice({
  port,
  waitMs,
  signal,
  onListening,
}: DeviceTestOptions): AsyncGenerator<ConformanceResult> {
  const test = new DeviceTest();
  const listening = await listenScripted(port, test);
  onListening(listening.address);
  while (!test.isDone && !signal.aborted && Date.now() - test.progressAtMs < waitMs) {
    await new Promise((resolve) => setTimeout(resolve, stepMs));
    test.step(true);
  }
  listening.close();
  const stopped = { name: 'answer', outcome: 'fail', detail: 'the device stopped before its end' };
  yield test.isDone
    ? { name: 'answer', outcome: 'pass', detail: 'an answer was written to its end' }
    : (stopped as ConformanceResult);
  yield* test.book.results();
}
