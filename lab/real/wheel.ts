// Reads one entry of a wheel, which is a zip file, as a stream.

import { readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Entry, open, type ZipFile } from 'yauzl';
import { PilotfishError } from '../../src/base/error.js';

/** A wheel's file by the name of its package; undefined: there is none. */
export function wheelIn(folder: string, name: string): string | undefined {
  // pip writes names with underscores: PEP 427.
  const start = `${name.replaceAll('-', '_')}-`;
  return readdirSync(folder).find((file) => file.startsWith(start) && file.endsWith('.whl'));
}

/**
 * The bytes of the one entry whose name matches.
 *
 * @throws PilotfishError `usage` for a file that is no wheel, or holds no such entry or several.
 */
export async function* entryOf(path: string, pattern: RegExp): AsyncGenerator<Buffer> {
  const zip = await opened(path);
  try {
    const found = (await entriesOf(zip)).filter(({ fileName }) => pattern.test(fileName));
    if (found.length !== 1) {
      const why = `${found.length} entries of ${path} match ${pattern.source}`;
      throw new PilotfishError('usage', why);
    }
    yield* await streamOf(zip, found[0]!);
  } finally {
    zip.close();
  }
}

function opened(path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    open(path, { lazyEntries: true, autoClose: false }, (cause, zip) => {
      if (zip) resolve(zip);
      else reject(new PilotfishError('usage', `${path} is no wheel: ${cause?.message}`, { cause }));
    });
  });
}

function entriesOf(zip: ZipFile): Promise<Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: Entry[] = [];
    zip.on('error', reject);
    zip.on('end', () => resolve(entries));
    zip.on('entry', (entry: Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.readEntry();
  });
}

const streamOf = (zip: ZipFile, entry: Entry): Promise<Readable> =>
  new Promise((resolve, reject) => {
    zip.openReadStream(entry, (cause, stream) => (stream ? resolve(stream) : reject(cause)));
  });
