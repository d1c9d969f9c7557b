// Loads a model for a command, and notes on stderr what makes it slower than it could be.

import { type LlamaEngine, type LlamaOptions, loadLlamaEngine } from '../../engine/llama/index.js';
import type { Terminal } from '../screen/terminal.js';
import { noteTo } from '../screen/text-view.js';

/** @throws PilotfishError as `loadLlamaEngine`. */
export async function loadNoted(
  options: LlamaOptions,
  terminal: Pick<Terminal, 'err' | 'env'>,
): Promise<LlamaEngine> {
  const engine = await loadLlamaEngine(options);
  engine.warnings.forEach(noteTo(terminal));
  return engine;
}
