// Defines what the server needs of an image encoder. The one over mtmd is
// src/engine/llama/eyes/image-encoder.ts.

import type { EncodedPicture } from '../../engine/image-tokens.js';
import type { Pixels } from '../../pictures/decode-picture.js';

/** Turns pixels into what a prompt holds of a picture. */
export interface PictureEncoder {
  /**
   * @param picture at most 1024 pixels a side.
   * @throws PilotfishError `server-busy`, `engine-failed`, `engine-closed`.
   */
  encode(picture: Pixels): Promise<EncodedPicture>;
}
