// Writes texts about pictures with mtmd alone, to compare the engine with: mtmd evaluates the
// prompt, and the largest logit is the next token. A program of its own, since it loads another
// llama.cpp: reads the task from stdin, writes the token ids of each case to stdout as JSON.

import { readFileSync } from 'node:fs';
import koffi, { type LibraryHandle, type TypeObject } from 'koffi';
import type { Pointer } from './structs.js';
import { viewMemory } from './tensors.js';

/** What the program reads. */
export interface ReferenceTask {
  readonly library: string;
  readonly model: string;
  readonly encoder: string;
  readonly vocabSize: number;
  readonly tokensMax: number;
  /** Images attend to all of themselves, though the model was not made so. */
  readonly isNonCausal?: boolean;
  /** The image marker stands where a picture does. */
  readonly cases: readonly {
    readonly text: string;
    readonly width: number;
    readonly height: number;
    /** Base64. */
    readonly rgb: readonly string[];
  }[];
}

/** Structs go by value as the bytes of the library's own defaults. */
const blobOf = (library: LibraryHandle, name: string, bytes: number) => {
  const type = koffi.struct({ words: koffi.array('uint64', bytes / 8) });
  return { type, value: library.func(name, type, [])() };
};

function writeAll(task: ReferenceTask): number[][] {
  const library = koffi.load(task.library);
  const model = blobOf(library, 'llama_model_default_params', 72);
  const context = blobOf(library, 'llama_context_default_params', 160);
  const eyes = blobOf(library, 'mtmd_context_params_default', 80);
  const call = (name: string, result: string, args: (string | TypeObject)[]) =>
    library.func(name, result, args);
  call('llama_backend_init', 'void', [])();
  const loadModel = call('llama_model_load_from_file', 'void*', ['str', model.type]);
  const target: Pointer = loadModel(task.model, model.value);
  const loadEyes = call('mtmd_init_from_file', 'void*', ['str', 'void*', eyes.type]);
  const encoder: Pointer = loadEyes(task.encoder, target, eyes.value);
  const text = koffi.struct({ text: 'void*', length: 'size_t', special: 'bool', parse: 'bool' });
  const tokenizeArgs = ['void*', 'void*', koffi.pointer(text), 'void*', 'size_t'];
  const tokenize = call('mtmd_tokenize', 'int32', tokenizeArgs);
  const makeContext = call('llama_init_from_model', 'void*', ['void*', context.type]);
  const evaluate = call('mtmd_helper_eval_chunks', 'int32', [
    ...['void*', 'void*', 'void*', 'int32', 'int32', 'int32', 'bool', 'void*'],
  ]);
  const evaluateOne = call('mtmd_helper_eval_chunk_single', 'int32', [
    ...['void*', 'void*', 'void*', 'int32', 'int32', 'int32', 'bool', 'void*'],
  ]);
  const countChunks = call('mtmd_input_chunks_size', 'size_t', ['void*']);
  const chunkOf = call('mtmd_input_chunks_get', 'void*', ['void*', 'size_t']);
  const kindOf = call('mtmd_input_chunk_get_type', 'int32', ['void*']);
  const setCausal = call('llama_set_causal_attn', 'void', ['void*', 'bool']);
  const evaluateNonCausal = (decoder: Pointer, chunks: Pointer): number => {
    const past = new Int32Array(1);
    const count = Number(countChunks(chunks));
    for (let at = 0; at < count; at++) {
      const chunk = chunkOf(chunks, at);
      setCausal(decoder, kindOf(chunk) === 0);
      const isLast = at === count - 1;
      const status = evaluateOne(encoder, decoder, chunk, past[0], 0, 512, isLast, past);
      if (status !== 0) return status;
    }
    setCausal(decoder, true);
    return 0;
  };
  const logitsOf = call('llama_get_logits_ith', 'void*', ['void*', 'int32']);
  const batch = koffi.struct({ count: 'int32', arrays: koffi.array('uint64', 6) });
  const batchOf = library.func('llama_batch_get_one', batch, ['void*', 'int32']);
  const decode = call('llama_decode', 'int32', ['void*', batch]);
  const bitmapOf = call('mtmd_bitmap_init', 'void*', ['uint32', 'uint32', 'void*']);
  return task.cases.map(({ text: words, width, height, rgb }) => {
    const bitmaps = rgb.map((pixels) => bitmapOf(width, height, Buffer.from(pixels, 'base64')));
    const chunks: Pointer = call('mtmd_input_chunks_init', 'void*', [])();
    const bytes = Buffer.from(`${words}\0`);
    const input = { text: bytes, length: bytes.length - 1, special: true, parse: true };
    const list = BigUint64Array.from(bitmaps);
    if (tokenize(encoder, chunks, input, list, list.length) !== 0) throw new Error('tokenize');
    const decoder: Pointer = makeContext(target, context.value);
    const past = new Int32Array(1);
    let status = task.isNonCausal
      ? evaluateNonCausal(decoder, chunks)
      : evaluate(encoder, decoder, chunks, 0, 0, 512, true, past);
    const tokens: number[] = [];
    while (status === 0 && tokens.length < task.tokensMax) {
      const logits = new Float32Array(viewMemory(logitsOf(decoder, -1), task.vocabSize * 4));
      const token = logits.indexOf(Math.max(...logits));
      tokens.push(token);
      status = decode(decoder, batchOf(Int32Array.of(token), 1));
    }
    if (status !== 0) throw new Error(`decoding failed: ${status}`);
    return tokens;
  });
}

if (process.argv[2] === 'write') {
  const task: ReferenceTask = JSON.parse(readFileSync(0, 'utf8'));
  process.stdout.write(JSON.stringify(writeAll(task)), () => process.kill(process.pid, 'SIGKILL'));
}
