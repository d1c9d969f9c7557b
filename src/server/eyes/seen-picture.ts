// Puts an encoded picture into the engine's prompts: the ids that stand for it, words around its
// images included.

import type { Engine } from '../../engine/engine.js';
import type { EncodedPicture } from '../../engine/image-tokens.js';

/** The part of an engine that images enter by. */
export type SeeingEngine = Pick<Engine, 'see' | 'forget'>;

/** A picture that the engine has seen. */
export interface SeenPicture {
  /** [n >= 1] what stands for it in a prompt. */
  readonly ids: Int32Array;
  /** First id of each of its images, to forget them by. */
  readonly images: readonly number[];
}

/** Bytes of embeddings that the engine keeps of a picture. */
export const bytesOf = ({ pieces }: EncodedPicture): number =>
  pieces.reduce(
    (sum, piece) => sum + (piece.kind === 'image' ? piece.embeddings.byteLength : 0),
    0,
  );

/**
 * Has the engine take all images of a picture in, or none.
 *
 * @throws PilotfishError as `Engine.see`.
 */
export async function seeAll(
  { pieces }: EncodedPicture,
  engine: SeeingEngine,
): Promise<SeenPicture> {
  const ids: number[] = [];
  const images: number[] = [];
  try {
    for (const piece of pieces) {
      const part = piece.kind === 'words' ? piece.ids : await engine.see(piece);
      if (piece.kind === 'image') images.push(part[0]!);
      ids.push(...part);
    }
    return { ids: Int32Array.from(ids), images };
  } catch (reason) {
    forgetAll({ images }, engine);
    throw reason;
  }
}

/** Has the engine forget the images of a picture, after all that it was asked before. */
export function forgetAll({ images }: Pick<SeenPicture, 'images'>, engine: SeeingEngine): void {
  for (const first of images) {
    // An engine that is closed or has failed holds none.
    engine.forget(first).catch(() => undefined);
  }
}
