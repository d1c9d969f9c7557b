// Where blocks attend to a window, llama.cpp keeps cells behind it for as long as no other sequence
// wants them, and saves none: a text that is cut back to where they are needed must not lack them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { slotId } from '../../base/brand.js';
import { plainSampling } from '../../math/sampling.js';
import type { SlotConfig } from '../engine.js';
import { prefill } from '../prefill.js';
import { writeRandomGemma } from './eyes/random-gemma.suite.js';
import { type LlamaEngine, loadLlamaEngine } from './llama-engine.js';

describe('a model with a window', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-window-'));
  const [slot, other] = [slotId(0), slotId(1)];
  const sampling = { ...plainSampling, temperature: 0 };
  const text = Int32Array.from({ length: 46 }, (_, at) => 3 + ((at * 37) % 250));
  const config: SlotConfig = { sampling, seed: 1n, promptLength: text.length };
  let engine: LlamaEngine;
  let expected: number[];
  before(async () => {
    const { modelPath } = writeRandomGemma(folder);
    engine = await loadLlamaEngine({ modelPath, threads: 1, slotCount: 2 });
    await engine.open(other, config);
    await prefill(engine, other, 0, text.slice(0, 10));
    await engine.open(slot, config);
    expected = await write(0);
  });
  after(async () => {
    await engine.close();
    rmSync(folder, { recursive: true });
  });
  const write = async (from: number, into = slot): Promise<number[]> => {
    await prefill(engine, into, from, text.slice(from, -1));
    const tokens: number[] = [];
    for (let at = text.length - 1, token = text.at(-1)!; tokens.length < 20; at++) {
      const judge = { scheme: 'greedy', draftCount: 0 } as const;
      const segment = { slot: into, from: at, tokens: Int32Array.of(token), judge };
      const { final } = (await engine.pass([segment])).outcomes[0]!;
      assert.ok(final !== null && final.kind !== 'law');
      token = final.token;
      tokens.push(token);
    }
    return tokens;
  };
  /** Has the other slot take the cells behind the window of the first. */
  const crowd = async () => {
    await engine.open(other, config);
    await prefill(engine, other, 0, text.slice(0, 45));
  };

  it('writes the same text behind a cut, after others took the cells behind its window', async () => {
    await crowd();
    await engine.truncate(slot, 20);
    assert.deepEqual(await write(20), expected);
  });

  it('copies no prefix that lacks cells', async () => {
    await engine.open(other, config);
    await prefill(engine, other, 0, text.slice(0, 10));
    await engine.open(slot, config);
    await write(0);
    await crowd();
    await engine.open(other, config);
    await engine.copyPrefix(slot, other, 20);
    assert.deepEqual(await write(20, other), expected);
  });

  it('refuses to cut a saved text to where its window is gone, and takes it otherwise', async () => {
    await engine.open(slot, config);
    await write(0);
    const state = await engine.save(slot);
    const refused = { code: 'segment-invalid', message: /or holds no cache at 45/ };
    await assert.rejects(engine.restore(slot, state, config, 45), refused);
    assert.deepEqual(await write(0), expected);
    await engine.truncate(slot, text.length - 1);
    const short = await engine.save(slot);
    await engine.restore(slot, short, config);
    assert.deepEqual(await write(text.length - 1), expected);
    await engine.restore(slot, short, config, 0);
    assert.deepEqual(await write(0), expected);
  });
});
