// Recognises files that are not GGUF by their first bytes, so that the message can suggest a
// remedy. Never refuses anything itself.

export interface FileKind {
  /** The apparent kind, to follow "it looks like". */
  readonly kind: string;
  readonly remedy: string;
}

const convert =
  "convert it with llama.cpp's convert_hf_to_gguf.py, or download the model's .gguf file";
const downloadAgain = 'open it to see what the server said, and download the model again';

/** First characters, one per byte, and the kinds they indicate. Earlier rows win. */
const signatures: readonly (readonly [readonly string[], FileKind])[] = [
  [
    ['version https://git-lfs'],
    {
      kind: 'a Git LFS pointer, the placeholder of a large file',
      remedy: 'fetch the file itself with `git lfs pull`',
    },
  ],
  [
    ['<!doctype', '<html', '<head', '<?xml'],
    { kind: 'a web page where a model was expected', remedy: downloadAgain },
  ],
  [['pk\x03\x04'], { kind: 'a zip archive, such as a PyTorch checkpoint', remedy: convert }],
  [
    ['\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'],
    { kind: 'a Python pickle, such as a PyTorch checkpoint', remedy: convert },
  ],
  [['\x1f\x8b'], { kind: 'a gzip archive', remedy: 'unpack it first' }],
  [
    ['\xfd7zxz', '\x28\xb5\x2f\xfd', 'bzh', '7z\xbc\xaf'],
    { kind: 'a packed archive', remedy: 'unpack it first' },
  ],
  [['\x89hdf'], { kind: 'an HDF5 file', remedy: convert }],
  [
    ['lmgg', 'fmgg', 'tjgg', 'algg', 'ggml', 'ggjt'],
    {
      kind: 'a GGML file from before GGUF',
      remedy: "convert it with llama.cpp's convert_llama_ggml_to_gguf.py",
    },
  ],
  [['{', '['], { kind: 'JSON text', remedy: downloadAgain }],
];

const safetensors: FileKind = { kind: 'a safetensors file', remedy: convert };

/** @param start the first bytes of the file, at least 64 if it has them. */
export function fileKindOf(start: Uint8Array): FileKind | null {
  const text = String.fromCharCode(...start.subarray(0, 64)).toLowerCase();
  // Safetensors has no magic: the length of its JSON header in 8 bytes, then the header.
  if (text.slice(4, 9) === '\0\0\0\0{') return safetensors;
  const lead = text.trimStart();
  return signatures.find(([starts]) => starts.some((start) => lead.startsWith(start)))?.[1] ?? null;
}
