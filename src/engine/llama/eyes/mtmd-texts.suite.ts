// Has mtmd alone write texts about pictures, for tests of what is built on the engine.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ImagePixels } from '../ffi/mtmd.js';
import type { ReferenceTask } from '../ffi/mtmd-reference.suite.js';
import { findEyesLibrary } from './eyes-library.js';
import { robotEncoder, robotTarget } from './robot-files.suite.js';

/** Stands in a text where a picture does. */
export const mediaMarker = '<__media__>';

/** A text with as many markers as pictures, all of one size. */
export interface PictureText {
  readonly text: string;
  readonly pictures: readonly ImagePixels[];
}

/** A model and its image encoder. */
export interface SeeingFiles {
  readonly modelPath: string;
  readonly encoderPath: string;
}

const robotFiles: SeeingFiles = { modelPath: robotTarget, encoderPath: robotEncoder };

/**
 * Token ids that mtmd writes behind each text, greedily and beyond its end.
 *
 * @param files the robot's by default.
 */
export function textsOfMtmd(
  cases: readonly PictureText[],
  vocabSize: number,
  tokensMax: number,
  isNonCausal = false,
  { modelPath, encoderPath }: SeeingFiles = robotFiles,
): number[][] {
  const task: ReferenceTask = {
    ...{ library: findEyesLibrary(), model: modelPath, encoder: encoderPath },
    ...{ vocabSize, tokensMax, isNonCausal },
    cases: cases.map(({ text, pictures }) => ({
      ...{ text, width: pictures[0]?.width ?? 0, height: pictures[0]?.height ?? 0 },
      rgb: pictures.map(({ rgb }) => Buffer.from(rgb).toString('base64')),
    })),
  };
  const script = fileURLToPath(new URL('../ffi/mtmd-reference.suite.js', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [script, 'write'], {
    input: JSON.stringify(task),
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr.slice(-2000));
  return JSON.parse(stdout);
}
