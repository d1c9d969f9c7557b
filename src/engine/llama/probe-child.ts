// The child process of probe.ts: loads a model without its weights, makes the context, exits with a
// code of probeExit.

import { readFileSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import { startComposed } from './exit-tap.js';
import { openLlama } from './ffi/llama.js';
import { checkModelKind, contextParams, loadModel } from './native-context.js';
import { NativeVocabulary } from './native-vocabulary.js';
import { type ProbeTask, probeExit } from './probe.js';

function probe({ files, options }: ProbeTask): number {
  const llama = openLlama(files);
  const model = loadModel(llama, options, 'absent');
  checkModelKind(llama, model, options.modelPath);
  const context = llama.init_from_model(model, contextParams(llama, options, null));
  if (context === null) return probeExit.contextRefused;
  const vocabulary = new NativeVocabulary(llama, model, () => false);
  vocabulary.tokenize('probe', { addBos: true, parseSpecial: true });
  if (options.exit !== null) startComposed(llama, options.exit, options, 'absent');
  return probeExit.fine;
}

try {
  const task: ProbeTask = JSON.parse(readFileSync(0, 'utf8'));
  process.exitCode = probe(task);
} catch (reason) {
  console.error(`error: ${reason instanceof Error ? reason.message : String(reason)}`);
  const unsupported = reason instanceof PilotfishError && reason.code === 'model-unsupported';
  process.exitCode = unsupported ? probeExit.unsupported : probeExit.refused;
}
