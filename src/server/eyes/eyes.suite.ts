// Draws pictures for the tests of the server's eyes, and encodes them without a model: the scripted
// engine takes images of four numbers a token.

import type { EncodedPicture } from '../../engine/image-tokens.js';
import { scriptedImageWidth } from '../../engine/scripted-model.js';
import type { Pixels } from '../../pictures/decode-picture.js';
import { png } from '../../pictures/png-writer.js';
import type { PictureEncoder } from './picture-encoder.js';

export const tokensPerImage = 3;
export const imageBytes = tokensPerImage * scriptedImageWidth * 4;
/** Ids of the words that it puts around each image. */
export const [beginWord, endWord] = [6, 7];

/** A PNG of four pixels, whose colours differ with the seed. */
export const smallPicture = (seed: number): Uint8Array =>
  png({ rows: Uint8Array.of(0, seed, 20, 30, 40, 50, 60, 0, 70, 80, 90, 100, 110, 120) });

/** Encodes at once, or when the test says so. Equal pixels give equal images. */
export class StandInEncoder implements PictureEncoder {
  /** Pictures that it was asked for. */
  count = 0;
  isFailing = false;
  /** Calls that wait for `go`; null: none wait. */
  #waiting: (() => void)[] | null = null;

  /** From now on nothing is encoded before `go`. */
  wait(): void {
    this.#waiting ??= [];
  }

  go(): void {
    for (const goOn of this.#waiting ?? []) goOn();
    this.#waiting = null;
  }

  async encode({ rgb }: Pixels): Promise<EncodedPicture> {
    this.count++;
    const waiting = this.#waiting;
    if (waiting !== null) await new Promise<void>((resolve) => waiting.push(resolve));
    if (this.isFailing) throw new Error('told to fail');
    const length = tokensPerImage * scriptedImageWidth;
    const embeddings = Float32Array.from({ length }, (_, at) => (rgb[at] ?? 0) / 255);
    const image = { width: scriptedImageWidth, embeddings, isNonCausal: false, grid: null };
    return {
      pieces: [
        { kind: 'words', ids: Int32Array.of(beginWord) },
        { kind: 'image', ...image },
        { kind: 'words', ids: Int32Array.of(endWord) },
      ],
    };
  }
}

/** Until all that promises and sockets lead to has happened. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000 && !isSo(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (!isSo()) throw new Error('it did not happen in 2 s');
}
