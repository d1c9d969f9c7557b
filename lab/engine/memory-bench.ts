// Peak memory of a server-shaped engine in a process of its own, against what it cannot do without: the model file and
// the KV cache. The process maps the file, so its resident pages count in full.

import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { slotId } from '../../src/base/brand.js';
import { PilotfishError } from '../../src/base/error.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { loadLlamaEngine } from '../../src/engine/llama/index.js';
import { plainSampling } from '../../src/math/sampling.js';

export interface MemoryRow {
  readonly peakBytes: number;
  readonly modelBytes: number;
  readonly cacheBytes: number;
  /** peak / (model + cache) */
  readonly ratio: number;
  /** Of the peak, what Node itself takes before the engine is loaded. */
  readonly runtimeBytes: number;
}

const shape = { slotCount: 16, contextLength: 256, passTokensMax: 256, passRowsMax: 96 } as const;

export async function benchMemory(modelPath: string): Promise<MemoryRow> {
  const { peakBytes, runtimeBytes } = await measureInChild(modelPath);
  const facts = checkModelFile(modelPath);
  const modelBytes = statSync(modelPath).size;
  const cacheBytes = facts.kvBytesPerToken.f16 * shape.slotCount * shape.contextLength;
  return {
    peakBytes,
    modelBytes,
    cacheBytes,
    ratio: peakBytes / (modelBytes + cacheBytes),
    runtimeBytes,
  };
}

interface ChildReport {
  readonly peakBytes: number;
  readonly runtimeBytes: number;
}

function measureInChild(modelPath: string): Promise<ChildReport> {
  const script = fileURLToPath(import.meta.url);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, modelPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (piece: string) => {
      text += piece;
    });
    child.once('error', (cause) => {
      reject(
        new PilotfishError('engine-failed', `cannot start the memory benchmark: ${cause.message}`, {
          cause,
        }),
      );
    });
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(text) as ChildReport);
      else
        reject(
          new PilotfishError('engine-failed', `the memory benchmark's process ended with ${code}`),
        );
    });
  });
}

/** Fills every cell of every slot, then verifies a full pass of drafts: what a busy server does at its worst. */
async function fillEngine(modelPath: string): Promise<ChildReport> {
  const runtimeBytes = process.memoryUsage.rss();
  const engine = await loadLlamaEngine({ ...shape, modelPath, threads: 1, probe: false });
  const { slotCount, contextLength, passTokensMax } = shape;
  const drafts = 5;
  for (let slot = 0; slot < slotCount; slot++) {
    await engine.open(slotId(slot), { sampling: plainSampling, seed: 0n, promptLength: 0 });
    for (let from = 0; from < contextLength - drafts - 1; from += passTokensMax) {
      const count = Math.min(passTokensMax, contextLength - drafts - 1 - from);
      await engine.pass([
        { slot: slotId(slot), from, tokens: new Int32Array(count).fill(5), judge: null },
      ]);
    }
  }
  await engine.pass(
    Array.from({ length: slotCount }, (_, slot) => ({
      slot: slotId(slot),
      from: contextLength - drafts - 1,
      tokens: new Int32Array(drafts + 1).fill(5),
      judge: { scheme: 'coupled' as const, draftCount: drafts },
    })),
  );
  const peakBytes = peakResidentBytes();
  await engine.close();
  return { peakBytes, runtimeBytes };
}

/** VmHWM where the system tells it: unlike getrusage, it does not begin at the size of the parent. */
function peakResidentBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(match![1]) * 1024;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await fillEngine(process.argv[2]!)));
}
