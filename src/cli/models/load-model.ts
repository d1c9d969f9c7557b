// Loads a model for a command, and notes on stderr what makes it slower than it could be.

import { dirname } from 'node:path';
import { bundledFolder } from '../../engine/llama/bundled.js';
import { type LlamaEngine, type LlamaOptions, loadLlamaEngine } from '../../engine/llama/index.js';
import { isBundledExit } from '../flags/exit-head.js';
import type { Terminal } from '../screen/terminal.js';
import { noteTo } from '../screen/text-view.js';

/** @throws PilotfishError as `loadLlamaEngine`. */
export async function loadNoted(
  options: Omit<LlamaOptions, 'probe'>,
  terminal: Pick<Terminal, 'err' | 'env'>,
): Promise<LlamaEngine> {
  // Bundled files are compared with their checksums, and known to load.
  const probe =
    dirname(options.modelPath) !== bundledFolder || !isBundledExit(options.exit ?? null);
  const engine = await loadLlamaEngine({ ...options, probe });
  engine.warnings.forEach(noteTo(terminal));
  return engine;
}
