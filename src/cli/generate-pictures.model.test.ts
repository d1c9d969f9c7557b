// Runs `pilotfish generate` with pictures: its greedy text is mtmd's own, with every draft.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { mediaMarker, textsOfMtmd } from '../engine/llama/eyes/mtmd-texts.suite.js';
import {
  drawPicture,
  robotEncoder,
  robotTarget,
  whyNoEyes,
} from '../engine/llama/eyes/robot-files.suite.js';
import { loadLlamaEngine } from '../engine/llama/index.js';
import { run } from './processes/command.suite.js';

const text = 'go to the red ball\n';
const draft = join(dirname(robotTarget), 'robot-draft-f16.gguf');
const tokensMax = 24;

describe('pilotfish generate with pictures', { skip: whyNoEyes() }, () => {
  const pictures = [drawPicture(1), drawPicture(2)];
  let folder: string;
  let files: string[];
  let expected: number[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pilotfish-generate-'));
    files = pictures.map((_, index) => join(folder, `${index}.png`));
    for (const [index, { width, height, rgb }] of pictures.entries()) {
      const png = sharp(rgb, { raw: { width, height, channels: 3 } }).png();
      writeFileSync(files[index]!, await png.toBuffer());
    }
    const engine = await loadLlamaEngine({ modelPath: robotTarget, threads: 1 });
    const { size, endOfText } = engine.info.vocabulary;
    await engine.close();
    const asked = { text: mediaMarker.repeat(2) + text, pictures };
    const [whole] = textsOfMtmd([asked], size, tokensMax);
    const end = whole!.findIndex((token) => endOfText.has(token));
    expected = end < 0 ? whole! : whole!.slice(0, end + 1);
  });
  after(() => rmSync(folder, { recursive: true }));

  const tokensOf = async (...flags: string[]): Promise<number[]> => {
    const images = files.flatMap((file) => ['-i', file]);
    const usual = ['generate', '-m', robotTarget, '-t', '1', '-n', String(tokensMax), '--json'];
    const { out, err, code } = await run([
      ...[...usual, '--mmproj', robotEncoder, ...images, ...flags, text],
    ]);
    assert.equal(code, 0, err);
    return JSON.parse(out).tokens;
  };

  it('writes what mtmd writes, with a draft model, a look-up or none', async () => {
    for (const flags of [[], ['--draft', draft], ['--draft', 'suffix']]) {
      assert.deepEqual(await tokensOf('--temp', '0', ...flags), expected, flags.join(' '));
    }
  });

  it('gives one text for a seed with every draft and scheme that promises it', async () => {
    const fixed = ['--deterministic', '--seed', '5', '--scheme', 'coupled'];
    const alone = await tokensOf(...fixed);
    assert.deepEqual(await tokensOf(...fixed, '--draft', draft), alone);
    assert.deepEqual(await tokensOf(...fixed, '--draft', 'suffix'), alone);
    for (const scheme of ['split', 'full', 'agreement']) {
      assert.ok((await tokensOf('--scheme', scheme, '--draft', draft)).length > 0);
    }
  });

  it('needs an image encoder', async () => {
    const { code, err } = await run(['generate', '-m', robotTarget, '-i', files[0]!, text]);
    assert.equal(code, 2);
    assert.match(err, /--image needs the image encoder of the model: --mmproj/);
  });
});
