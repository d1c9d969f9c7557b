// Reads and checks the header of an image encoder (an "mmproj" file), and whether it fits a target.
// The encoder's own loader finds out about its tensors.

import { PilotfishError } from '../../base/error.js';
import type { GgufHeader } from './format.js';
import {
  type Metadata,
  optionalArray,
  optionalBool,
  optionalText,
  requiredCount,
  requiredText,
} from './metadata.js';
import { demand, naming, quoted, refuseModel } from './model-error.js';
import type { ModelFacts } from './model-file.js';
import { readGguf } from './reader.js';
import { checkTensors } from './tensors.js';

/** The metadata of an image encoder. */
export interface EyesFacts {
  readonly path: string;
  /** How it maps an image to embeddings, such as `gemma3`. */
  readonly projector: string;
  /** Numbers that stand for a token of an image, of all blocks of the target that it feeds. */
  readonly imageWidth: number;
  /** Side of the square, in pixels, that the encoder was trained on. */
  readonly imageSize: number;
}

const ranges = { projection: { min: 1, max: 2 ** 17 }, imageSize: { min: 1, max: 2 ** 14 } };

/**
 * Reads and checks the image encoder at `path` without loading it.
 *
 * @throws PilotfishError as `readGguf`; `eyes-mismatch` for a file of another kind,
 *   `model-malformed` for missing or wrong metadata.
 */
export function checkEyesFile(path: string): EyesFacts {
  const header = readGguf(path);
  return naming(path, () => eyesFactsOf(header));
}

function eyesFactsOf({ path, metadata, tensors }: GgufHeader): EyesFacts {
  const architecture = requiredText(metadata, 'general.architecture');
  if (architecture !== 'clip') {
    const found = quoted(architecture);
    refuseModel('eyes-mismatch', `the file is no image encoder: its architecture is ${found}`);
  }
  if (optionalBool(metadata, 'clip.has_vision_encoder') !== true) {
    refuseModel(
      'eyes-mismatch',
      'the file is no image encoder: clip.has_vision_encoder is not true',
    );
  }
  checkTensors(tensors);
  const projector = projectorOf(metadata);
  demand(projector !== null, 'metadata key clip.projector_type is missing');
  return {
    path,
    projector,
    imageWidth:
      requiredCount(metadata, 'clip.vision.projection_dim', ranges.projection) *
      (1 + deepBlockCount(metadata)),
    imageSize: requiredCount(metadata, 'clip.vision.image_size', ranges.imageSize),
  };
}

/** Files for images and sounds name a projector for each. */
const projectorOf = (metadata: Metadata): string | null =>
  optionalText(metadata, 'clip.vision.projector_type') ??
  optionalText(metadata, 'clip.projector_type');

/** Blocks whose states go to a block of the target each, as further numbers of an embedding. */
function deepBlockCount(metadata: Metadata): number {
  const key = 'clip.vision.is_deepstack_layers';
  const layers = optionalArray(metadata, key);
  if (layers === null) return 0;
  demand(layers.elementType === 'bool', `${key} is an array of ${layers.elementType}, not of bool`);
  return layers.bytes.filter((byte) => byte !== 0).length;
}

/** @throws PilotfishError `eyes-mismatch` where the target takes embeddings of another length. */
export function checkEyesFit(eyes: EyesFacts, target: ModelFacts): void {
  if (eyes.imageWidth === target.imageWidth) return;
  throw new PilotfishError(
    'eyes-mismatch',
    `${eyes.path}: the image encoder is one of another model: it makes embeddings of length ` +
      `${eyes.imageWidth}; the target ${target.path} takes ${target.imageWidth}`,
  );
}
