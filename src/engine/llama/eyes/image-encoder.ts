// Encodes pictures in a child process, which has a llama.cpp of its own: if it crashes on a picture
// or a file, only that call fails, and the next starts another.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../../base/error.js';
import { checkEyesFile, checkEyesFit } from '../../gguf/eyes-file.js';
import { checkModelFile } from '../../gguf/model-file.js';
import type { EncodedPicture } from '../../image-tokens.js';
import type { ImagePixels, MtmdFiles } from '../ffi/mtmd.js';
import { findEyesLibrary } from './eyes-library.js';
import type { EyesReply, EyesRequest } from './eyes-messages.js';

/** Files and bounds of an image encoder. */
export interface ImageEncoderOptions {
  /** The target, of which only the vocabulary is read. */
  readonly modelPath: string;
  readonly encoderPath: string;
  /** Shared library; absent: MTMD_LIB, or the installed package. */
  readonly libraryPath?: string;
  /** Threads that compute; 1 by default. */
  readonly threads?: number;
  /** Longest wait for loading, and for each picture; 60 000 by default. */
  readonly timeoutMs?: number;
}

/** Longest side of a picture; larger ones are scaled down before. */
const sideMax = 4096;
/** Pictures that wait or are encoded; each holds its pixels. */
const pendingMax = 16;
const logCharsMax = 65_536;

/**
 * Encodes pictures for the prompts of a vision-language model, by mtmd in a child process that is
 * started anew where a picture or a file ends it.
 *
 * @example
 * ```ts
 * import { dirname, join } from 'node:path';
 * import { bundledModel, loadLlamaEngine, startServer } from 'pilotfish';
 * import { ImageEncoder } from 'pilotfish/engine/llama';
 *
 * const folder = join(dirname(bundledModel('stories-target')), 'robot');
 * const modelPath = join(folder, 'robot-target-f16.gguf');
 * const encoderPath = join(folder, 'robot-encoder-f16.gguf');
 * const eyes = await ImageEncoder.start({ modelPath, encoderPath });
 * const engine = await loadLlamaEngine({ modelPath, slotCount: 2 });
 * const server = await startServer({ engine, eyes, port: 0 });
 * server.seesPictures; // = true
 * await server.close();
 * await Promise.all([engine.close(), eyes.close()]);
 * ```
 */
export class ImageEncoder {
  readonly #files: MtmdFiles;
  readonly #timeoutMs: number;
  #child: EyesChild | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #closed = false;

  private constructor(files: MtmdFiles, timeoutMs: number) {
    this.#files = files;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Checks the files, starts the child and loads the encoder.
   *
   * @throws PilotfishError `library-not-found`, `library-incompatible`; `eyes-mismatch` for an
   *   encoder of another model; those of `checkModelFile` for either file, `model-malformed` where
   *   the child dies of one; `engine-failed` where it takes too long.
   */
  static async start(options: ImageEncoderOptions): Promise<ImageEncoder> {
    const eyes = checkEyesFile(options.encoderPath);
    checkEyesFit(eyes, checkModelFile(options.modelPath));
    const files: MtmdFiles = {
      library: findEyesLibrary(options.libraryPath),
      model: options.modelPath,
      encoder: options.encoderPath,
      width: eyes.imageWidth,
      threads: options.threads ?? 1,
    };
    const encoder = new ImageEncoder(files, options.timeoutMs ?? 60_000);
    await encoder.#loaded();
    return encoder;
  }

  /** Process id of the child; null while there is none. */
  get processId(): number | null {
    return this.#child?.processId ?? null;
  }

  /**
   * Encodes one picture after those before it.
   *
   * @throws PilotfishError `usage` for a picture whose sides and bytes do not agree or are too
   *   large, `server-busy` for one too many at a time, `engine-failed` where the child dies or
   *   takes too long, `engine-closed`.
   */
  async encode(picture: ImagePixels): Promise<EncodedPicture> {
    checkPixels(picture);
    if (this.#pending >= pendingMax) {
      throw new PilotfishError('server-busy', `${pendingMax} pictures wait to be encoded`);
    }
    this.#pending++;
    const work = this.#turn.then(() => this.#encodeNow(picture));
    this.#turn = work.catch(() => undefined);
    try {
      return await work;
    } finally {
      this.#pending--;
    }
  }

  async #encodeNow(picture: ImagePixels): Promise<EncodedPicture> {
    const child = await this.#loaded();
    const reply = await child.ask({ kind: 'encode', picture }, this.#timeoutMs);
    if (reply.kind === 'encoded') return reply.picture;
    throw new PilotfishError('engine-failed', 'the image encoder gave another reply');
  }

  /** The living child, else a new one. */
  async #loaded(): Promise<EyesChild> {
    if (this.#closed) throw new PilotfishError('engine-closed', 'the image encoder is closed');
    if (this.#child?.isAlive === true) return this.#child;
    const child = new EyesChild(this.#files.encoder);
    this.#child = child;
    try {
      await child.ask({ kind: 'load', files: this.#files }, this.#timeoutMs);
      return child;
    } catch (reason) {
      child.kill();
      throw reason;
    }
  }

  /** Ends the child; a picture that is being encoded fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#child?.kill();
    await this.#child?.ended;
  }
}

function checkPixels({ width, height, rgb }: ImagePixels): void {
  const isSide = (side: number) => Number.isInteger(side) && side >= 1 && side <= sideMax;
  if (isSide(width) && isSide(height) && rgb.length === width * height * 3) return;
  throw new PilotfishError(
    'usage',
    `a picture of ${width} x ${height} pixels in ${rgb.length} bytes: sides are in ` +
      `[1, ${sideMax}], and a pixel has 3 bytes`,
  );
}

/** One life of the child process; one question at a time. */
class EyesChild {
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  #fail: ((message: string) => void) | null = null;
  #settle: ((reply: EyesReply) => void) | null = null;
  readonly #path: string;
  #log = '';
  #isAlive = true;

  /** @param path of the encoder, for messages. */
  constructor(path: string) {
    this.#path = path;
    const script = fileURLToPath(new URL('./eyes-child.js', import.meta.url));
    const child = fork(script, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      env: { ...process.env, GGML_NO_BACKTRACE: '1' },
    });
    this.#process = child;
    child.stderr?.setEncoding('utf8');
    child.stderr?.on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-logCharsMax);
    });
    child.on('message', (reply) => this.#settle?.(reply as EyesReply));
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#isAlive = false;
        const words = this.#log.trim().split('\n').at(-1)?.slice(0, 300) || 'no reason given';
        const message = `the image encoder's process ended (${how}) on ${this.#path}: ${words}`;
        this.#fail?.(message);
        resolve();
      };
      child.once('error', (cause) => end(cause.message));
      child.once('close', (code, signal) => end(signal ?? `exit ${code}`));
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get processId(): number | null {
    return this.#process.pid ?? null;
  }

  ask(request: EyesRequest, timeoutMs: number): Promise<EyesReply> {
    return new Promise<EyesReply>((resolve, reject) => {
      const late = () => {
        this.kill();
        const message = `the image encoder was still busy after ${timeoutMs / 1000} s`;
        reject(new PilotfishError('engine-failed', message));
      };
      const timer = setTimeout(late, timeoutMs);
      // llama.cpp ends its process on contradictions in a file.
      const code = request.kind === 'load' ? 'model-malformed' : 'engine-failed';
      this.#fail = (message) => {
        clearTimeout(timer);
        reject(new PilotfishError(code, message));
      };
      this.#settle = (reply) => {
        clearTimeout(timer);
        this.#fail = null;
        if (reply.kind === 'refused') reject(new PilotfishError(reply.code, reply.message));
        else resolve(reply);
      };
      // A child that is gone takes no message; its end tells why.
      this.#process.send(request, () => undefined);
    });
  }

  kill(): void {
    this.#isAlive = false;
    this.#process.kill('SIGKILL');
  }
}
