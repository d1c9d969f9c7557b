// Opens a library that holds llama.cpp and its mtmd in one file, through koffi, and encodes
// pictures with it. Only the child process of src/engine/llama/eyes loads it, since its llama.cpp
// is another than the engine's. Source: tools/mtmd/mtmd.h, as of the package's version 1.7.15.

import koffi from 'koffi';
import { PilotfishError } from '../../../base/error.js';
import type { EncodedPicture, ImageGrid, PicturePiece } from '../../image-tokens.js';
import { gridOfPlaces, type ImageTokenPlace, placeLayout } from './image-places.js';
import type { Pointer } from './structs.js';
import { viewMemory } from './tensors.js';

const modelLayout = {
  devices: 'void*',
  tensor_buft_overrides: 'void*',
  n_gpu_layers: 'int32',
  split_mode: 'int32',
  load_mode: 'int32',
  main_gpu: 'int32',
  tensor_split: 'void*',
  progress_callback: 'void*',
  progress_callback_user_data: 'void*',
  kv_overrides: 'void*',
  vocab_only: 'bool',
  check_tensors: 'bool',
  use_extra_bufts: 'bool',
  no_host: 'bool',
  no_alloc: 'bool',
  load_mtp: 'bool',
};

const eyesLayout = {
  use_gpu: 'bool',
  print_timings: 'bool',
  n_threads: 'int32',
  image_marker: 'void*',
  media_marker: 'str',
  flash_attn_type: 'int32',
  warmup: 'bool',
  image_min_tokens: 'int32',
  image_max_tokens: 'int32',
  cb_eval: 'void*',
  cb_eval_user_data: 'void*',
  batch_max_tokens: 'int32',
  progress_callback: 'void*',
  progress_callback_user_data: 'void*',
};

const textLayout = {
  text: 'void*',
  text_len: 'size_t',
  add_special: 'bool',
  parse_special: 'bool',
};

/** A chunk of what mtmd makes of a picture: MTMD_INPUT_CHUNK_TYPE_IMAGE. The others are text. */
const imageChunk = 1;

/** A picture's pixels: 3 bytes each, red first, row by row from the top. */
export interface ImagePixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** A loaded encoder. */
export interface Mtmd {
  /** @throws PilotfishError `engine-failed` or `model-unsupported`. */
  encode(picture: ImagePixels): EncodedPicture;
}

export interface MtmdFiles {
  readonly library: string;
  /** The target, of which only the vocabulary is read. */
  readonly model: string;
  readonly encoder: string;
  /** Numbers of an embedding. */
  readonly width: number;
  readonly threads: number;
}

/**
 * Loads the library, the vocabulary and the encoder for the life of this process.
 *
 * @throws PilotfishError `library-incompatible`; `model-malformed` when llama.cpp refuses a file.
 */
export function openMtmd(files: MtmdFiles): Mtmd {
  try {
    return bindMtmd(files);
  } catch (reason) {
    if (reason instanceof PilotfishError) throw reason;
    const detail = reason instanceof Error ? reason.message : String(reason);
    throw new PilotfishError('library-incompatible', `${files.library} does not load: ${detail}`, {
      cause: reason,
    });
  }
}

function bindMtmd(files: MtmdFiles): Mtmd {
  const library = koffi.load(files.library);
  const modelParams = koffi.struct(modelLayout);
  const eyesParams = koffi.struct(eyesLayout);
  const text = koffi.struct(textLayout);
  const model = library.func('llama_model_default_params', modelParams, [])();
  const eyes = library.func('mtmd_context_params_default', eyesParams, [])();
  const marker: string = library.func('mtmd_default_marker', 'str', [])();
  checkMtmdDefaults(files.library, [
    ['llama_model_params bytes', koffi.sizeof(modelParams), 72],
    ['mtmd_context_params bytes', koffi.sizeof(eyesParams), 80],
    ['n_gpu_layers', model.n_gpu_layers, -1],
    ['split_mode', model.split_mode, 1],
    ['main_gpu', model.main_gpu, 0],
    ['vocab_only', model.vocab_only, false],
    ['use_extra_bufts', model.use_extra_bufts, true],
    ['n_threads', eyes.n_threads, 4],
    ['media_marker', eyes.media_marker, marker],
    ['flash_attn_type', eyes.flash_attn_type, -1],
    ['image_min_tokens', eyes.image_min_tokens, -1],
    ['image_max_tokens', eyes.image_max_tokens, -1],
    ['batch_max_tokens', eyes.batch_max_tokens, 1024],
  ]);
  library.func('llama_backend_init', 'void', [])();
  Object.assign(model, { vocab_only: true, n_gpu_layers: 0 });
  const load = library.func('llama_model_load_from_file', 'void*', ['str', modelParams]);
  const vocabulary: Pointer | null = load(files.model, model);
  if (vocabulary === null) {
    throw new PilotfishError(
      'model-malformed',
      `mtmd cannot read the vocabulary of ${files.model}`,
    );
  }
  Object.assign(eyes, { use_gpu: false, print_timings: false, n_threads: files.threads });
  const init = library.func('mtmd_init_from_file', 'void*', ['str', 'void*', eyesParams]);
  const context: Pointer | null = init(files.encoder, vocabulary, eyes);
  if (context === null) {
    throw new PilotfishError('model-malformed', `mtmd cannot load the encoder ${files.encoder}`);
  }

  const makeBitmap = library.func('mtmd_bitmap_init', 'void*', ['uint32', 'uint32', 'void*']);
  const freeBitmap = library.func('mtmd_bitmap_free', 'void', ['void*']);
  const makeChunks = library.func('mtmd_input_chunks_init', 'void*', []);
  const freeChunks = library.func('mtmd_input_chunks_free', 'void', ['void*']);
  const countChunks = library.func('mtmd_input_chunks_size', 'size_t', ['void*']);
  const getChunk = library.func('mtmd_input_chunks_get', 'void*', ['void*', 'size_t']);
  const typeOf = library.func('mtmd_input_chunk_get_type', 'int32', ['void*']);
  const countTokens = library.func('mtmd_input_chunk_get_n_tokens', 'size_t', ['void*']);
  const tokensOf = library.func('mtmd_input_chunk_get_tokens_text', 'void*', ['void*', 'void*']);
  const inputText = koffi.pointer(text);
  const tokenizeArgs = ['void*', 'void*', inputText, 'void*', 'size_t'];
  const tokenize = library.func('mtmd_tokenize', 'int32', tokenizeArgs);
  const encodeChunk = library.func('mtmd_encode_chunk', 'int32', ['void*', 'void*']);
  const output = library.func('mtmd_get_output_embd', 'void*', ['void*']);
  const isNonCausal = library.func('mtmd_decode_use_non_causal', 'bool', ['void*', 'void*']);
  const usesGrids: boolean = library.func('mtmd_decode_use_mrope', 'bool', ['void*'])(context);
  const imageOf = library.func('mtmd_input_chunk_get_tokens_image', 'void*', ['void*']);
  const place = koffi.struct(placeLayout);
  const placeArgs = ['void*', 'int32', 'size_t'];
  const placeOf = library.func('mtmd_image_tokens_get_decoder_pos', place, placeArgs);
  const countPositions = library.func('mtmd_image_tokens_get_n_pos', 'int32', ['void*']);

  const line = (words: string) => {
    const bytes = Buffer.from(`${words}\0`);
    return { text: bytes, text_len: bytes.length - 1, add_special: false, parse_special: true };
  };
  const withChunks = <T>(use: (chunks: Pointer) => T): T => {
    const chunks: Pointer = makeChunks();
    try {
      return use(chunks);
    } finally {
      freeChunks(chunks);
    }
  };
  // Revisions without `text_len` read on to the NUL.
  withChunks((chunks) => {
    tokenize(context, chunks, { ...line('a'), text_len: 0 }, null, 0);
    const read = Number(countChunks(chunks));
    checkMtmdDefaults(files.library, [['chunks of an empty mtmd_input_text', read, 0]]);
  });

  const copyTokens = (chunk: Pointer): Int32Array => {
    const count = new BigUint64Array(1);
    const tokens: Pointer | null = tokensOf(chunk, count);
    const bytes = Number(count[0]) * 4;
    if (tokens === null || bytes === 0) return new Int32Array(0);
    return new Int32Array(viewMemory(tokens, bytes)).slice();
  };
  const encodeImage = (image: Pointer): Float32Array => {
    if (encodeChunk(context, image) !== 0) {
      throw new PilotfishError('engine-failed', 'mtmd cannot encode the picture');
    }
    const numbers: Pointer | null = output(context);
    if (numbers === null) throw new PilotfishError('engine-failed', 'mtmd gave no embeddings');
    const bytes = Number(countTokens(image)) * files.width * 4;
    return new Float32Array(viewMemory(numbers, bytes)).slice();
  };
  const gridOf = (chunk: Pointer): ImageGrid => {
    const image = imageOf(chunk);
    const count = Number(countTokens(chunk));
    const places: ImageTokenPlace[] = Array.from({ length: count }, (_, at) =>
      placeOf(image, 0, at),
    );
    const grid = gridOfPlaces(places, countPositions(image));
    if (grid !== null) return grid;
    const message = `${files.encoder} places tokens of images otherwise than in rows and columns`;
    throw new PilotfishError('model-unsupported', message);
  };
  const pieceOf = (chunk: Pointer): PicturePiece => {
    if (typeOf(chunk) !== imageChunk) return { kind: 'words', ids: copyTokens(chunk) };
    return {
      kind: 'image',
      width: files.width,
      embeddings: encodeImage(chunk),
      isNonCausal: isNonCausal(context, chunk),
      grid: usesGrids ? gridOf(chunk) : null,
    };
  };
  const encodeChunks = (chunks: Pointer): EncodedPicture => {
    const count = Number(countChunks(chunks));
    const pieces = Array.from({ length: count }, (_, at) => pieceOf(getChunk(chunks, at)));
    if (pieces.some(({ kind }) => kind === 'image')) return { pieces };
    throw new PilotfishError('model-unsupported', `${files.encoder} makes no image of a picture`);
  };
  return {
    encode: ({ width, height, rgb }) =>
      withChunks((chunks) => {
        const bitmap: Pointer = makeBitmap(width, height, rgb);
        try {
          const status = tokenize(context, chunks, line(marker), BigUint64Array.of(bitmap), 1);
          if (status === 0) return encodeChunks(chunks);
          throw new PilotfishError('engine-failed', `mtmd cannot prepare the picture: ${status}`);
        } finally {
          freeBitmap(bitmap);
        }
      }),
  };
}

type Reading = readonly [name: string, read: unknown, expected: unknown];

function checkMtmdDefaults(library: string, readings: readonly Reading[]): void {
  const wrong = readings.filter(([, read, expected]) => read !== expected);
  if (wrong.length === 0) return;
  const fields = wrong.map(([name, read, expected]) => `${name} ${read} instead of ${expected}`);
  throw new PilotfishError(
    'library-incompatible',
    `${library} is not the version that this build needs (@fugood/node-llama packages 1.7.15): ` +
      fields.join(', '),
  );
}
