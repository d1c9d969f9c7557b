import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textValue, uint32Value } from './encode.js';
import { boolValue, numberArray } from './encode.suite.js';
import { checkEyesFile, checkEyesFit } from './eyes-file.js';
import type { GgufValue } from './format.js';
import { checkModelFile } from './model-file.js';
import { writtenModel } from './test-file.suite.js';
import { tinyModel, tinySizes, zeros } from './tiny-model.suite.js';

const layersKey = 'clip.vision.is_deepstack_layers';
const { width } = tinySizes;

const written = (...more: readonly (readonly [string, GgufValue])[]): string =>
  writtenModel({
    metadata: new Map<string, GgufValue>([
      ['general.architecture', textValue('clip')],
      ['clip.has_vision_encoder', boolValue(true)],
      ['clip.projector_type', textValue('qwen3vl_merger')],
      ['clip.vision.projection_dim', uint32Value(width)],
      ['clip.vision.image_size', uint32Value(64)],
      ...more,
    ]),
    tensors: [zeros('mm.0.weight', 'F16', width, width)],
  });

test('an encoder makes one embedding for the target, and one for each block that it feeds', () => {
  const plain = checkEyesFile(written());
  assert.deepEqual(
    { ...plain, path: '' },
    { path: '', projector: 'qwen3vl_merger', imageWidth: width, imageSize: 64 },
  );
  const deep = checkEyesFile(written([layersKey, numberArray('bool', [0, 1, 0, 1])]));
  assert.equal(deep.imageWidth, 3 * width);
  assert.equal(checkEyesFile(written([layersKey, numberArray('bool', [0, 0])])).imageWidth, width);
  const model = tinyModel();
  const target = checkModelFile(writtenModel(model));
  checkEyesFit(plain, target);
  assert.throws(() => checkEyesFit(deep, target), { code: 'eyes-mismatch', message: /96.*32/ });
  model.metadata.set('llama.n_deepstack_layers', uint32Value(2));
  const deepTarget = checkModelFile(writtenModel(model));
  assert.equal(deepTarget.imageWidth, 3 * width);
  checkEyesFit(deep, deepTarget);
  assert.throws(() => checkEyesFit(plain, deepTarget), { code: 'eyes-mismatch' });
});

test('a list of such blocks that is none is refused', () => {
  for (const value of [numberArray('int32', [1]), uint32Value(1)]) {
    const refused = { code: 'model-malformed', message: /is_deepstack_layers/ };
    assert.throws(() => checkEyesFile(written([layersKey, value])), refused);
  }
});
