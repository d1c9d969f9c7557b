// Checks references to models in all forms, and that none leaves its folder.

import assert from 'node:assert/strict';
import { join, relative, win32 } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { PilotfishError } from '../../base/error.js';
import { formatReference, isSafePath, parseReference, pickFile } from './reference.js';

const plain = { repo: 'user/repo', file: null, quant: null, revision: 'main' };

test('every form of a reference is read', () => {
  const file = 'sub/m-Q4_K_M.gguf';
  const cases = [
    ['hf:user/repo', plain],
    ['hf://user/repo', plain],
    ['HF:user/repo', plain],
    [`hf:user/repo/${file}`, { ...plain, file }],
    [`hf://user/repo/${file}@v1.0`, { ...plain, file, revision: 'v1.0' }],
    ['hf:user/repo:Q4_K_M', { ...plain, quant: 'Q4_K_M' }],
    ['hf:user/repo:Q4_K_M@refs/pr/1', { ...plain, quant: 'Q4_K_M', revision: 'refs/pr/1' }],
  ] as const;
  for (const [text, expected] of cases) {
    assert.deepEqual(parseReference(text), expected);
    assert.deepEqual(parseReference(formatReference(expected)), expected);
  }
});

test('names that leave their folder, and forms that are none, are refused', () => {
  const bad = [
    'hf:../..',
    'hf:../../x.gguf',
    'hf:user/../x.gguf',
    'hf:user/repo/../x.gguf',
    'hf:user/repo/a/../../x.gguf',
    'hf:user/repo//x.gguf',
    'hf:user/repo/./x.gguf',
    'hf:user/repo/..\\x.gguf',
    'hf:user/repo/C:\\x.gguf',
    'hf:user/repo/x\u0000.gguf',
    'hf:user/repo/x.gguf@../../etc',
    'hf:user/repo/x.gguf@',
    'hf:user/repo/x.gguf@a@b',
    'hf:user/re..po/x.gguf',
    'hf:.user/repo/x.gguf',
    'hf:user/repo/model.safetensors',
    'hf:user/repo:Q4/x.gguf',
    'hf:user/repo:Q4:Q5',
    'hf:user/repo:',
    'hf:user/repo:Q4*',
    'hf:user',
    'hf:',
    'user/repo',
    'https://huggingface.co/user/repo',
  ];
  for (const text of bad) assert.throws(() => parseReference(text), { code: 'usage' }, text);
});

test('whatever is accepted stays inside the folder it is joined to, on every system', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab./\\:@.. ~%0\u0000'), maxLength: 24 });
  fc.assert(
    fc.property(text, (path) => {
      if (!isSafePath(path)) return;
      const root = '/cache/snapshots/c';
      assert.doesNotMatch(relative(root, join(root, path)), /^\.\.(\/|$)/);
      assert.ok(win32.resolve('C:\\cache', path).startsWith('C:\\cache\\'));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(text, (body) => {
      try {
        const { file, revision } = parseReference(`hf:${body}`);
        assert.ok((file === null || isSafePath(file)) && isSafePath(revision));
      } catch (reason) {
        assert.ok(reason instanceof PilotfishError && reason.code === 'usage');
      }
    }),
    { numRuns: 2000 },
  );
});

const repository = [
  'README.md',
  'm-Q4_K_M.gguf',
  'm-Q4_K_S.gguf',
  'm.Q8_0.gguf',
  'mmproj-m-Q8_0.gguf',
  'm-F16-00001-of-00002.gguf',
  'm-F16-00002-of-00002.gguf',
];

test('a quantisation picks the file that bears it as a word', () => {
  const pick = (quant: string) => pickFile({ ...plain, quant }, repository);
  assert.equal(pick('Q4_K_M'), 'm-Q4_K_M.gguf');
  assert.equal(pick('q4_k_s'), 'm-Q4_K_S.gguf');
  assert.equal(pick('Q8_0'), 'm.Q8_0.gguf');
});

test('a quantisation that picks no file is refused with the available names', () => {
  const pick =
    (quant: string | null, paths = repository) =>
    () =>
      pickFile({ ...plain, quant }, paths);
  assert.throws(pick('Q4_K'), {
    code: 'model-not-found',
    message: /m-Q4_K_M\.gguf, m-Q4_K_S\.gguf/,
  });
  assert.throws(pick('F16'), { code: 'model-unsupported', message: /split over 2 files/ });
  assert.throws(pick(null), { code: 'usage', message: /name one of them/ });
  assert.throws(pick('Q4_K_M', [...repository, 'sub/other-Q4_K_M.gguf']), { code: 'usage' });
  assert.throws(pick(null, ['README.md']), {
    code: 'model-not-found',
    message: /no GGUF file at all/,
  });
  assert.equal(pick(null, ['README.md', 'only.gguf'])(), 'only.gguf');
});
