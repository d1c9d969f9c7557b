// Makes pictures that no server has seen, and shows them as a device does or as it must not.

import { createHash, randomBytes } from 'node:crypto';
import { png } from '../../pictures/png-writer.js';
import { frameShapes } from '../../protocol/codec.js';
import { pictureRef } from '../../protocol/device-shapes.js';
import type { Open, PictureRef, PictureWant } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { wireTypes } from '../../protocol/wire-reader.js';
import { WireWriter } from '../../protocol/wire-writer.js';
import type { ProbeLine } from './probe.js';
import { plainOpen } from './probe-session.js';

/** Some parts for each picture. */
const partBytes = 700;
/** Of Open.pictures. */
const picturesField = 19;
const words = 'What differs?';

/** A PNG of noise, of about 3 * side^2 bytes. */
export function newPicture(side = 24): Buffer {
  const row = 1 + 3 * side;
  const rows = randomBytes(side * row);
  // The filter of each row.
  for (let y = 0; y < side; y++) rows[y * row] = 0;
  return png({ width: side, height: side, rows });
}

/** How an Open names a file, before the letter `at`. */
export const refOf = (file: Uint8Array, at = 0): PictureRef => ({
  hash: new Uint8Array(createHash('sha256').update(file).digest()),
  ...{ bytes: file.length, message: 0, at },
});

/** An Open with pictures between its words. */
export const openWith = (pictures: readonly PictureRef[], changes: Partial<Open> = {}): Open => ({
  ...plainOpen,
  prompt: { kind: 'messages', messages: [{ role: 'user', content: words }] },
  pictures,
  ...changes,
});

/** Sends a file from `from` to `to` in order. */
export function sendPicture(
  probe: ProbeLine,
  file: Uint8Array,
  { index = 0, from = 0, to = file.length, session = 0 } = {},
): void {
  for (let offset = from; offset < to; offset += partBytes) {
    const data = file.subarray(offset, Math.min(offset + partBytes, to));
    probe.send({ kind: 'picture-part', session, index, offset, data });
  }
}

/** Waits for the wishes of a server, which come in one frame, and fulfils them. */
export async function showWanted(
  probe: ProbeLine,
  files: readonly Uint8Array[],
): Promise<readonly PictureWant[]> {
  const { wanted } = await probe.next('pictures-wanted');
  for (const { index, offset } of wanted) {
    sendPicture(probe, files[index] ?? new Uint8Array(0), { index, from: offset });
  }
  return wanted;
}

/** An Open with a picture more than a prompt may hold, which the kit's own writer refuses. */
export function tooManyPictures(ref: PictureRef): Uint8Array {
  const { number, message } = frameShapes.open;
  const open = openWith(new Array<PictureRef>(limits.pictures.value).fill(ref));
  const writer = new WireWriter();
  return writer.collect(() => {
    writer.tag(number, wireTypes.bytes);
    writer.delimited(() => {
      message.write(writer, open);
      writer.tag(picturesField, wireTypes.bytes);
      writer.delimited(() => pictureRef.write(writer, ref));
    });
  });
}
