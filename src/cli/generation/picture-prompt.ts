// Makes the prompt of `generate` where it begins with pictures: has them encoded, and lets the
// target see them.

import type { Engine } from '../../engine/engine.js';
import { decodePicture } from '../../pictures/decode-picture.js';
import { type EyesOptions, startEyes } from '../flags/eyes-flags.js';
import { usageError } from '../flags/flags.js';
import { type PictureOptions, readPictures } from '../flags/picture-flags.js';
import { resolveModel } from '../models/model-name.js';
import type { Environment } from '../screen/terminal.js';

export type PicturePromptOptions = PictureOptions & EyesOptions & { readonly model: string };

/** @throws PilotfishError `usage` for pictures without an encoder. */
export function checkPictureFlags({ image, mmproj }: PicturePromptOptions): void {
  if (image.length === 0 || mmproj !== undefined) return;
  throw usageError('--image needs the image encoder of the model: --mmproj');
}

/**
 * The ids of a prompt: the start token, what stands for the pictures, the text.
 *
 * @throws PilotfishError as `readPictures`, `startEyes`, `ImageEncoder.encode` and `Engine.see`.
 */
export async function promptWithPictures(
  target: Engine,
  text: string,
  options: PicturePromptOptions,
  env: Environment,
): Promise<Int32Array> {
  const { vocabulary } = target.info;
  const reading = { addBos: true, parseSpecial: false };
  const pictures = await readPictures(options);
  if (pictures.length === 0) return vocabulary.tokenize(text, reading);
  const eyes = (await startEyes(options, await resolveModel(options.model, env), env))!;
  try {
    const ids = [...vocabulary.tokenize('', reading)];
    for (const bytes of pictures) {
      const { pieces } = await eyes.encode(await decodePicture(bytes, options.imageSide));
      for (const piece of pieces) {
        ids.push(...(piece.kind === 'words' ? piece.ids : await target.see(piece)));
      }
    }
    ids.push(...vocabulary.tokenize(text, { ...reading, addBos: false }));
    return Int32Array.from(ids);
  } finally {
    await eyes.close();
  }
}
