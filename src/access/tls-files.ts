// Reads certificate and key from files that may change while a server listens. An unusable pair is
// refused at the start; later it leaves the pair before it in place.

import { readFileSync } from 'node:fs';
import { createSecureContext, type TlsOptions } from 'node:tls';
import { PilotfishError } from '../base/error.js';
import { watchFiles } from './file-watch.js';

/** Where the certificate and its key lie. */
export interface TlsPaths {
  /** PEM: the certificate, then those between it and a root. */
  readonly cert: string;
  /** PEM: its private key. */
  readonly key: string;
  /** PEM: who signs the certificates that devices have to show; null: they show none. */
  readonly clientCa: string | null;
}

/** How the files of TlsFiles are watched. */
export interface TlsFilesOptions {
  /** Hears what an operator should know, one line each. */
  readonly note: (line: string) => void;
  readonly everyMs?: number;
}

/**
 * Certificate and key of a server, from files that may change while it listens: a new pair is used
 * from then on, one that cannot be used leaves the one before in place, and `note` hears of it.
 *
 * @example
 * ```ts
 * import { createScriptedEngine } from 'pilotfish/engine';
 * import { startServer, TlsFiles } from 'pilotfish/server';
 *
 * const paths = { cert: 'server.pem', key: 'server-key.pem', clientCa: null };
 * const tls = new TlsFiles(paths, { note: console.error });
 * const engine = createScriptedEngine();
 * const server = await startServer({ engine, port: 0, tls });
 * server.address.startsWith('wss://127.0.0.1:'); // = true
 * await server.close();
 * tls.close();
 * ```
 */
export class TlsFiles {
  readonly #paths: TlsPaths;
  readonly #note: (line: string) => void;
  readonly #listeners = new Set<(options: TlsOptions) => void>();
  readonly #endWatch: () => void;
  #options: TlsOptions;

  /**
   * @throws PilotfishError `usage` where the files cannot be read or used together. Never quotes
   *   them.
   */
  constructor(paths: TlsPaths, { note, everyMs }: TlsFilesOptions) {
    this.#paths = paths;
    this.#note = note;
    this.#options = readTls(paths);
    const watched = [paths.cert, paths.key, ...(paths.clientCa === null ? [] : [paths.clientCa])];
    this.#endWatch = watchFiles(watched, () => this.reload(), {
      ...(everyMs !== undefined && { everyMs }),
    });
  }

  /** For a listener that begins. */
  get options(): TlsOptions {
    return this.#options;
  }

  /** Calls back with each new pair. */
  onChange(listener: (options: TlsOptions) => void): void {
    this.#listeners.add(listener);
  }

  /** Reads the files now. */
  reload(): void {
    try {
      this.#options = readTls(this.#paths);
    } catch (reason) {
      // Two files are never replaced in one moment: the next look finds both.
      this.#note(`${(reason as Error).message}; the certificate stays as it was`);
      return;
    }
    for (const listener of this.#listeners) listener(this.#options);
    this.#note(`read the certificate ${this.#paths.cert} again`);
  }

  /** Watches the files no more. */
  close(): void {
    this.#endWatch();
    this.#listeners.clear();
  }
}

function readTls({ cert, key, clientCa }: TlsPaths): TlsOptions {
  const options: TlsOptions = {
    cert: readPem(cert),
    key: readPem(key),
    minVersion: 'TLSv1.2',
    ...(clientCa !== null && {
      ...{ ca: readPem(clientCa), requestCert: true, rejectUnauthorized: true },
    }),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    const why = (cause as Error).message.replace(/^error:[^:]*:/, '');
    const message = `the certificate ${cert} cannot be used with the key ${key}: ${why}`;
    throw new PilotfishError('usage', message, { cause });
  }
  return options;
}

/** A PEM file's bytes. @throws PilotfishError `usage`. */
export function readPem(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new PilotfishError('usage', `${path} ${why}`, { cause });
  }
  if (bytes.includes('-----BEGIN ')) return bytes;
  throw new PilotfishError('usage', `${path} is not in PEM form`);
}
