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
  /** Numbers of an embedding: the target's embedding length. */
  readonly embeddingLength: number;
  /** Side of the square, in pixels, that the encoder was trained on. */
  readonly imageSize: number;
}

const ranges = { embeddingLength: { min: 1, max: 2 ** 17 }, imageSize: { min: 1, max: 2 ** 14 } };

/**
 * Reads and checks the image encoder at `path` without loading it.
 *
 * @throws PilotfishError as `readGguf`; `eyes-mismatch` for a file of another kind,
 *   `model-malformed` for missing or wrong metadata, `model-unsupported` for an encoder that needs
 *   more than one embedding per image token.
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
  refuseDeepStack(metadata);
  checkTensors(tensors);
  const projector = projectorOf(metadata);
  demand(projector !== null, 'metadata key clip.projector_type is missing');
  return {
    path,
    projector,
    embeddingLength: requiredCount(metadata, 'clip.vision.projection_dim', ranges.embeddingLength),
    imageSize: requiredCount(metadata, 'clip.vision.image_size', ranges.imageSize),
  };
}

/** Files for images and sounds name a projector for each. */
const projectorOf = (metadata: Metadata): string | null =>
  optionalText(metadata, 'clip.vision.projector_type') ??
  optionalText(metadata, 'clip.projector_type');

/** Such an encoder also feeds later blocks of the target, through wider rows. */
function refuseDeepStack(metadata: Metadata): void {
  const layers = optionalArray(metadata, 'clip.vision.is_deepstack_layers');
  if (layers?.bytes.some((byte) => byte !== 0)) {
    refuseModel('model-unsupported', 'the image encoder feeds several blocks of the target');
  }
}

/** @throws PilotfishError `eyes-mismatch` where the target takes embeddings of another length. */
export function checkEyesFit(eyes: EyesFacts, target: ModelFacts): void {
  if (eyes.embeddingLength === target.embeddingLength) return;
  throw new PilotfishError(
    'eyes-mismatch',
    `${eyes.path}: the image encoder is one of another model: it makes embeddings of length ` +
      `${eyes.embeddingLength}; the target ${target.path} takes ${target.embeddingLength}`,
  );
}
