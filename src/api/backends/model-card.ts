// The model as clients of the HTTP door name it.

import { createHash } from 'node:crypto';
import type { ModelCard } from '../generator.js';

/** A name that needs no quoting anywhere: lower case, everything but letters, digits, dots and dashes as one dash. */
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
  /** Other names that people here use for it. */
  readonly names: readonly string[];
  readonly createdS: number;
  readonly contextLength: number | null;
  /** Of vocabulary and size; whatever changes with the model. */
  readonly fingerprint: string;
  /** Version of what computes. */
  readonly build: string;
}

export function modelCard({ modelName, names, build, ...metrics }: ModelCardParts): ModelCard {
  const id = modelId(modelName);
  const aliases = [...new Set([modelName, ...names])].filter((name) => name !== id);
  const hash = createHash('sha256').update(`${modelName}\0${metrics.fingerprint}`).digest('hex');
  const fingerprint = `pilotfish-${build}-${hash.slice(0, 12)}`;
  return { id, aliases, ...metrics, fingerprint };
}
