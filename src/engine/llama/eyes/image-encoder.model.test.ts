import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { ErrorCode } from '../../../base/error.js';
import { bundledModel } from '../bundled.js';
import { findLibrary } from '../library.js';
import { ImageEncoder, type ImageEncoderOptions } from './image-encoder.js';
import { drawPicture, robotEncoder, robotTarget, whyNoEyes } from './robot-files.suite.js';

const files = { modelPath: robotTarget, encoderPath: robotEncoder };

describe('ImageEncoder', { skip: whyNoEyes() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-eyes-'));
  const started: ImageEncoder[] = [];
  after(async () => {
    await Promise.all(started.map((encoder) => encoder.close()));
    rmSync(folder, { recursive: true });
  });
  const start = async (options: Partial<ImageEncoderOptions> = {}): Promise<ImageEncoder> => {
    const encoder = await ImageEncoder.start({ ...files, ...options });
    started.push(encoder);
    return encoder;
  };
  const refuses = (
    code: ErrorCode,
    message: RegExp,
    options: Partial<ImageEncoderOptions>,
  ): Promise<void> => assert.rejects(start(options), { code, message });

  it('gives the same picture the same embeddings, and another picture others', async () => {
    const encoder = await start();
    const [first, again, second] = await Promise.all(
      [1, 1, 2].map((seed) => encoder.encode(drawPicture(seed))),
    );
    for (const { pieces } of [first!, second!]) {
      const [piece, ...others] = pieces;
      assert.ok(piece?.kind === 'image' && others.length === 0);
      const { embeddings, ...rest } = piece;
      assert.equal(embeddings.length, 16 * 160);
      assert.ok(embeddings.every(Number.isFinite));
      assert.deepEqual(rest, { kind: 'image', width: 160, isNonCausal: false, grid: null });
    }
    assert.deepEqual(again, first);
    assert.notDeepEqual(second, first);
  });

  it('encodes on after its process died', async () => {
    const encoder = await start();
    const before = await encoder.encode(drawPicture(3));
    const work = encoder.encode(drawPicture(4));
    const { processId } = encoder;
    await Promise.resolve(); // The picture is on its way before the process ends.
    process.kill(processId!, 'SIGKILL');
    await assert.rejects(work, { code: 'engine-failed', message: /ended \(SIGKILL\)/ });
    assert.deepEqual(await encoder.encode(drawPicture(3)), before);
    assert.notEqual(encoder.processId, processId);
  });

  it('refuses pictures whose sides and bytes do not agree, and any after its end', async () => {
    const encoder = await start();
    const picture = drawPicture(1);
    for (const spoiled of [
      { ...picture, height: 95 },
      { ...picture, width: 0, rgb: new Uint8Array(0) },
      { width: 4097, height: 1, rgb: new Uint8Array(4097 * 3) },
      { ...picture, width: 95.5 },
    ]) {
      await assert.rejects(encoder.encode(spoiled), { code: 'usage' });
    }
    const many = await Promise.allSettled(
      Array.from({ length: 17 }, () => encoder.encode(picture)),
    );
    const busy = many.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    assert.deepEqual(
      busy.map(({ reason }) => reason.code),
      ['server-busy'],
    );
    await encoder.close();
    await assert.rejects(encoder.encode(picture), { code: 'engine-closed' });
  });

  it('refuses files that are no encoder of this target', async () => {
    const broken = join(folder, 'broken.gguf');
    copyFileSync(robotEncoder, broken);
    truncateSync(broken, 1_000_000);
    const renamed = (tensor: string): string => {
      const path = join(folder, `${tensor}.gguf`);
      const bytes = readFileSync(robotEncoder);
      bytes.write('!', bytes.indexOf(tensor));
      writeFileSync(path, bytes);
      return path;
    };
    const other = bundledModel('stories-target');
    await refuses('eyes-mismatch', /another model: .* 160; the target .*stories/, {
      modelPath: other,
    });
    await refuses('eyes-mismatch', /no image encoder/, { encoderPath: other });
    await refuses('model-truncated', /broken\.gguf/, { encoderPath: broken });
    const crashing = renamed('v.patch_embd.weight');
    await refuses('model-malformed', /ended \(SIG.* on .*patch_embd/, { encoderPath: crashing });
    const refused = renamed('nemotron_v2_vl');
    await refuses('model-malformed', /mtmd cannot load .*nemotron/, { encoderPath: refused });
    await refuses('model-not-found', /nowhere/, { encoderPath: '/nowhere.gguf' });
  });

  it('refuses a library that is missing or another', async () => {
    await refuses('library-not-found', /nowhere/, { libraryPath: '/nowhere/index.node' });
    await refuses('library-incompatible', /libllama|llama/, { libraryPath: findLibrary().llama });
    await refuses('library-incompatible', /does not load/, { libraryPath: robotTarget });
  });

  it('waits no longer than it is told', async () => {
    await refuses('engine-failed', /still busy after 0.001 s/, { timeoutMs: 1 });
  });
});
