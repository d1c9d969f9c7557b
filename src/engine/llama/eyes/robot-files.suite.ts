// Finds the robot's models, which tests of images need, and draws pictures for them.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bundledFolder } from '../bundled.js';
import type { ImagePixels } from '../ffi/mtmd.js';
import { findEyesLibrary } from './eyes-library.js';

const robotFolder = process.env['PILOTFISH_ROBOT_MODELS'] ?? join(bundledFolder, 'robot');
export const robotTarget = join(robotFolder, 'robot-target-f16.gguf');
export const robotEncoder = join(robotFolder, 'robot-encoder-f16.gguf');

/** Why tests of images are skipped; false where they run. */
export function whyNoEyes(): string | false {
  const missing = [robotTarget, robotEncoder].find((path) => !existsSync(path));
  if (missing !== undefined) return `no ${missing}; PILOTFISH_ROBOT_MODELS names another folder`;
  try {
    findEyesLibrary();
    return false;
  } catch (reason) {
    return String(reason);
  }
}

/** A picture of the robot's size that differs with the seed. */
export function drawPicture(seed: number, side = 96): ImagePixels {
  const rgb = Uint8Array.from({ length: side * side * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3);
    const block = Math.floor(pixel / side / 16) * 7 + Math.floor((pixel % side) / 16) * 3;
    return ((block + seed * 5) * (at % 3 === 0 ? 37 : 91) + seed * 29) % 256;
  });
  return { width: side, height: side, rgb };
}
