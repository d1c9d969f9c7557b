// Tests that the header of a GGUF file is read in full if intact, else refused by code and place.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { test } from 'node:test';
import type { ErrorCode, PilotfishError } from '../../base/error.js';
import { textValue, uint32Value } from './encode.js';
import { FileCursor } from './file-cursor.js';
import { readGguf } from './reader.js';
import { inFolder, writtenBytes, writtenModel } from './test-file.suite.js';
import { type TinyModel, tinyModel, tinySizes, zeros } from './tiny-model.suite.js';

function refuses(path: string, code: ErrorCode, message: RegExp, what = path): void {
  assert.throws(
    () => readGguf(path),
    (error: PilotfishError) => {
      assert.equal(error.code, code, `${what}: ${error.message}`);
      assert.match(error.message, message, what);
      assert.ok(error.message.startsWith(`${path}: `), error.message);
      return true;
    },
    what,
  );
}

const tinyBytes = (): Buffer => readFileSync(writtenModel(tinyModel(), 'source.gguf'));

/** The bytes of a small file with `edit` applied to them. */
function edited(edit: (bytes: Buffer) => Buffer | undefined): string {
  const bytes = tinyBytes();
  return writtenBytes(edit(bytes) ?? bytes);
}

test('a sound header is read in full', () => {
  const header = readGguf(writtenModel(tinyModel()));
  const { metadata, tensors } = tinyModel();
  assert.equal(header.version, 3);
  assert.equal(header.alignment, 32);
  assert.deepEqual([...header.metadata.keys()], [...metadata.keys()]);
  assert.deepEqual(
    header.tensors.map(({ name, dims, type }) => [name, dims, type]),
    tensors.map(({ name, dims, type }) => [name, dims, type]),
  );
  assert.equal(header.tensors[0]!.bytes, 2 * tinySizes.width * (3 + 256 + tinySizes.letters));
});

test('version 2 is read like version 3', () => {
  const path = edited((bytes) => {
    bytes.writeUInt32LE(2, 4);
    return undefined;
  });
  assert.equal(readGguf(path).version, 2);
});

test('what is no readable file is not found, and says why', () => {
  refuses(inFolder('missing.gguf'), 'model-not-found', /no such file/);
  mkdirSync(inFolder('folder.gguf'), { recursive: true });
  refuses(inFolder('folder.gguf'), 'model-not-found', /folder/);
  if (process.platform === 'linux') refuses('/dev/zero', 'model-not-found', /not a regular file/);
});

test('a file that may not be read is not found', (t) => {
  if (process.getuid?.() === 0) return t.skip('root may read every file');
  const path = writtenBytes('GGUF', 'secret.gguf');
  chmodSync(path, 0);
  refuses(path, 'model-not-found', /cannot be opened/);
});

test('a file that is not GGUF is called by its name', () => {
  const lookalikes: readonly (readonly [Buffer | string, RegExp])[] = [
    ['', /empty/],
    [
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
      /Git LFS pointer.*git lfs pull/,
    ],
    ['<!DOCTYPE html><html><body>404</body></html>', /web page/],
    ['\n <HTML><title>Sign in</title>', /web page/],
    [
      Buffer.from('2800000000000000', 'hex').toString('latin1').concat('{"a":{"dtype":"F16"}}'),
      /safetensors.*convert/,
    ],
    ['PK\x03\x04data.pkl', /zip archive.*PyTorch/],
    [Buffer.from('8002637461', 'hex'), /pickle.*PyTorch/],
    [Buffer.from('1f8b0800', 'hex'), /gzip/],
    [Buffer.from('28b52ffd', 'hex'), /packed archive/],
    ['tjgg\x03\0\0\0', /before GGUF/],
    ['{"error":"not found"}', /JSON/],
    ['garbage', /begins with the bytes 67617262/],
    ['GG', /begins with the bytes 4747/],
  ];
  for (const [bytes, message] of lookalikes) {
    refuses(writtenBytes(bytes), 'model-not-gguf', message, JSON.stringify(String(bytes)));
  }
});

test('versions and byte orders that nobody can load are told apart from garbage', () => {
  const withVersion = (version: number) =>
    edited((bytes) => {
      bytes.writeUInt32LE(version, 4);
      return undefined;
    });
  refuses(withVersion(1), 'model-unsupported', /version 1; versions 2 and 3/);
  refuses(withVersion(4), 'model-unsupported', /version 4/);
  refuses(withVersion(0x03000000), 'model-unsupported', /big-endian/);
  refuses(withVersion(0), 'model-malformed', /version 0/);
  refuses(withVersion(123456), 'model-malformed', /version 123456/);
});

test('a file cut short anywhere says how many bytes are missing', () => {
  const bytes = tinyBytes();
  const { dataOffset, tensors } = readGguf(inFolder('source.gguf'));
  const last = tensors.at(-1)!;
  const end = dataOffset + last.offset + last.bytes;
  for (const kept of [4, 8, 23, 24, 100, dataOffset - 1, dataOffset, end - 1]) {
    const path = writtenBytes(bytes.subarray(0, kept));
    refuses(path, 'model-truncated', /missing|beyond the end/, `${kept} bytes`);
  }
  truncateSync(writtenBytes(bytes), end - 5);
  refuses(inFolder('bytes.gguf'), 'model-truncated', /ends 5 bytes beyond.*"output_norm.weight"/);
  assert.doesNotThrow(() => readGguf(writtenBytes(bytes.subarray(0, end))));
});

test('a hundred bytes that claim 2^60 tensors, entries or letters are refused at once', () => {
  const header = (tensors: bigint, metadata: bigint, keyLength = 1n): Buffer => {
    const bytes = Buffer.alloc(100);
    bytes.write('GGUF');
    bytes.writeUInt32LE(3, 4);
    bytes.writeBigUInt64LE(tensors, 8);
    bytes.writeBigUInt64LE(metadata, 16);
    bytes.writeBigUInt64LE(keyLength, 24);
    return bytes;
  };
  const before = process.memoryUsage().arrayBuffers;
  const huge = 2n ** 60n;
  refuses(writtenBytes(header(huge, 0n)), 'model-malformed', /tensor count 1152921504606846976/);
  refuses(writtenBytes(header(0n, huge)), 'model-malformed', /metadata count/);
  refuses(writtenBytes(header(0n, 1n, huge)), 'model-malformed', /long, must be at most 65535/);
  refuses(writtenBytes(header(60_000n, 0n)), 'model-truncated', /60000 tensors: at least/);
  refuses(writtenBytes(header(0n, 4096n)), 'model-truncated', /4096 metadata entries/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 2 ** 20);
});

interface Refusal {
  readonly what: string;
  readonly spoil: (model: TinyModel) => void;
  readonly code: ErrorCode;
  readonly message: RegExp;
}

const wrongHeaders: readonly Refusal[] = [
  {
    what: 'alignment of another type',
    spoil: ({ metadata }) => metadata.set('general.alignment', { type: 'int32', value: 32 }),
    code: 'model-malformed',
    message: /general.alignment has type int32/,
  },
  {
    what: 'NUL in a text',
    spoil: ({ metadata }) => metadata.set('general.architecture', textValue('llama\0x')),
    code: 'model-malformed',
    message: /"general.architecture" contains a NUL/,
  },
  {
    what: 'empty key',
    spoil: ({ metadata }) => metadata.set('', textValue('x')),
    code: 'model-malformed',
    message: /metadata key 17 is empty/,
  },
  {
    what: 'zero size',
    spoil: ({ tensors }) => tensors.push(zeros('a', 'F32', 32, 0)),
    code: 'model-malformed',
    message: /tensor "a" has 0 as size 1/,
  },
  {
    what: 'five dimensions',
    spoil: ({ tensors }) => tensors.push(zeros('a', 'F32', 32, 1, 1, 1, 1)),
    code: 'model-malformed',
    message: /tensor "a" has 5 dimensions, must be in \[1, 4\]/,
  },
];

test('headers that contradict themselves or the format are malformed', () => {
  for (const { what, spoil, code, message } of wrongHeaders) {
    const model = tinyModel();
    spoil(model);
    const alignment = model.metadata.get('general.alignment');
    if (alignment) {
      // The writer keeps to the format, so this value goes in as bytes.
      model.metadata.set('general.alignment', uint32Value(32));
      const bytes = readFileSync(writtenModel(model));
      const at = bytes.indexOf('general.alignment') + 'general.alignment'.length;
      bytes.writeUInt32LE(5, at);
      refuses(writtenBytes(bytes), code, message, what);
    } else refuses(writtenModel(model), code, message, what);
  }
});

test('an alignment that is no power of two, or below 32 bytes, is malformed', () => {
  const model = tinyModel();
  model.metadata.set('general.alignment', uint32Value(32));
  const bytes = readFileSync(writtenModel(model));
  const at = bytes.indexOf('general.alignment') + 'general.alignment'.length + 4;
  for (const alignment of [0, 1, 8, 16, 33, 96, 2 ** 17, 2 ** 32 - 1]) {
    bytes.writeUInt32LE(alignment, at);
    refuses(
      writtenBytes(bytes),
      'model-malformed',
      /general.alignment is \d+, must be a power of two/,
    );
  }
});

/** Offset of the entry of a tensor in the bytes of a header. */
function tensorEntry(bytes: Buffer, name: string, dimCount: number) {
  const dims = bytes.indexOf(name) + name.length + 4;
  return { dimCount: dims - 4, dims, type: dims + 8 * dimCount, offset: dims + 8 * dimCount + 4 };
}

test('tensor entries that lie about size, type or place are refused', () => {
  const name = 'blk.1.attn_q.weight';
  const cases: readonly (readonly [
    (bytes: Buffer, at: ReturnType<typeof tensorEntry>) => void,
    ErrorCode,
    RegExp,
  ])[] = [
    [(b, at) => b.writeUInt32LE(0, at.dimCount), 'model-malformed', /0 dimensions/],
    [(b, at) => b.writeUInt32LE(2 ** 31, at.dimCount), 'model-malformed', /2147483648 dimensions/],
    [
      (b, at) => b.writeBigUInt64LE(2n ** 63n, at.dims),
      'model-malformed',
      /9223372036854775808 as size 0/,
    ],
    [
      (b, at) => b.writeBigUInt64LE(2n ** 31n, at.dims),
      'model-malformed',
      /must be in \[1, 2147483647\]/,
    ],
    [
      (b, at) => {
        b.writeBigUInt64LE(2n ** 30n, at.dims);
        b.writeBigUInt64LE(2n ** 30n, at.dims + 8);
      },
      'model-malformed',
      /1073741824 x 1073741824 weights/,
    ],
    [(b, at) => b.writeUInt32LE(4, at.type), 'model-unsupported', /type 4, which llama.cpp/],
    [(b, at) => b.writeUInt32LE(99, at.type), 'model-unsupported', /type 99/],
    [
      (b, at) => b.writeUInt32LE(12, at.type),
      'model-malformed',
      /Q4_K has rows of 32, must be a multiple of 256/,
    ],
    [
      (b, at) => b.writeUInt32LE(0, at.type),
      'model-malformed',
      /must be \d+, the end of the one before/,
    ],
    [
      (b, at) => b.writeBigUInt64LE(0n, at.offset),
      'model-malformed',
      /"blk.1.attn_q.weight" has offset 0/,
    ],
    [
      (b, at) => b.writeBigUInt64LE(2n ** 62n, at.offset),
      'model-malformed',
      /offset 4611686018427387904/,
    ],
    [
      (b, at) => b.writeBigUInt64LE(b.readBigUInt64LE(at.offset) + 1n, at.offset),
      'model-malformed',
      /must be/,
    ],
  ];
  for (const [edit, code, message] of cases) {
    const path = edited((bytes) => {
      edit(bytes, tensorEntry(bytes, name, 2));
      return undefined;
    });
    refuses(path, code, message, String(edit));
  }
});

test('names that occur twice are malformed', () => {
  const twice = edited((bytes) => {
    bytes.write('blk.0', bytes.indexOf('blk.1.attn_q.weight'));
    return undefined;
  });
  refuses(twice, 'model-malformed', /tensor "blk.0.attn_q.weight" occurs twice/);
  const keys = edited((bytes) => {
    bytes.write('tokenizer.ggml.bos', bytes.indexOf('tokenizer.ggml.eos'));
    return undefined;
  });
  refuses(keys, 'model-malformed', /"tokenizer.ggml.bos_token_id" occurs twice/);
});

test('value types, array types, bools and letters outside the format are malformed', () => {
  const valueAt = (bytes: Buffer, key: string) => bytes.indexOf(key) + key.length;
  const tokens = 'tokenizer.ggml.tokens';
  const cases: readonly (readonly [(bytes: Buffer) => void, ErrorCode, RegExp])[] = [
    [
      (b) => b.writeUInt32LE(13, valueAt(b, 'llama.block_count')),
      'model-malformed',
      /type 13, must be below 13/,
    ],
    [(b) => b.writeUInt32LE(9, valueAt(b, tokens) + 4), 'model-malformed', /array of arrays/],
    [
      (b) => b.writeBigUInt64LE(2n ** 40n, valueAt(b, tokens) + 8),
      'model-malformed',
      /in elements, is/,
    ],
    [(b) => b.writeBigUInt64LE(2n ** 50n, valueAt(b, tokens) + 16), 'model-malformed', /text 0 of/],
    [(b) => b.writeBigUInt64LE(2n ** 23n, valueAt(b, tokens) + 16), 'model-truncated', /missing/],
    [(b) => b.writeUInt8(7, valueAt(b, 'add_bos_token') + 4), 'model-malformed', /bool of value 7/],
    [
      (b) => b.writeUInt8(0xff, valueAt(b, 'general.name') + 12),
      'model-malformed',
      /not valid UTF-8/,
    ],
  ];
  for (const [edit, code, message] of cases) {
    const path = edited((bytes) => {
      edit(bytes);
      return undefined;
    });
    refuses(path, code, message, String(edit));
  }
});

test('reading stops at the limit of a header, however long the file is', () => {
  const cursor = new FileCursor(writtenBytes(new Uint8Array(200)), 100);
  cursor.skip(90);
  assert.equal(cursor.take(10).length, 10);
  assert.throws(() => cursor.take(1), {
    code: 'model-malformed',
    message: /longer than 100 bytes/,
  });
  cursor.close();
});
