// Builds the model card that clients of the HTTP API see.

import { createHash } from 'node:crypto';
import type { ModelCard } from '../generator.js';

/**
 * A name that needs no quoting: lower case, with one dash for each run of other characters.
 * Letters, digits, dots and dashes stay.
 */
export function modelId(modelName: string): string {
  const id = modelName
    .toLowerCase()
    .replace(/[^\p{L}\p{N}.]+/gu, '-')
    .replace(/^-|-$/g, '');
  return id === '' ? 'model' : id;
}

export interface ModelCardParts {
  /** As its file gives it. */
  readonly modelName: string;
  /** Other names that users of this machine have for it. */
  readonly names: readonly string[];
  readonly createdS: number;
  readonly contextLength: number | null;
  /** Of vocabulary and size; changes with the model. */
  readonly fingerprint: string;
  readonly seesPictures: boolean;
  /** Version of this package. */
  readonly build: string;
}

export function modelCard({ modelName, names, build, ...metrics }: ModelCardParts): ModelCard {
  const id = modelId(modelName);
  const aliases = [...new Set([modelName, ...names])].filter((name) => name !== id);
  const hash = createHash('sha256').update(`${modelName}\0${metrics.fingerprint}`).digest('hex');
  const fingerprint = `pilotfish-${build}-${hash.slice(0, 12)}`;
  return { id, aliases, ...metrics, fingerprint };
}
