// Measures the peak memory of a server-shaped engine in a process of its own, against model file
// and KV cache. The process maps the file, so its resident pages count in full.

import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { slotId } from '../../src/base/brand.js';
import { PilotfishError } from '../../src/base/error.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { loadLlamaEngine } from '../../src/engine/llama/index.js';
import { plainSampling } from '../../src/math/sampling.js';

const slotCount = 16;
const contextLength = 256;
const passTokensMax = 256;
const draftCount = 5;

export async function benchMemory(modelPath: string) {
  const { peakBytes, runtimeBytes } = await measureInChild(modelPath);
  const modelBytes = statSync(modelPath).size;
  const cacheBytes = checkModelFile(modelPath).kvBytesPerToken.f16 * slotCount * contextLength;
  const ratio = peakBytes / (modelBytes + cacheBytes);
  const MiB = (bytes: number): number => bytes / 2 ** 20;
  return {
    ...{ slots: slotCount, peak: MiB(peakBytes), model: MiB(modelBytes), cache: MiB(cacheBytes) },
    ...{ runtime: MiB(runtimeBytes), ratio },
  };
}

interface ChildReport {
  readonly peakBytes: number;
  /** Of the peak, what Node itself takes before the engine is loaded. */
  readonly runtimeBytes: number;
}

async function measureInChild(modelPath: string): Promise<ChildReport> {
  const args = [fileURLToPath(import.meta.url), modelPath];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as ChildReport;
  } catch (cause) {
    const why = (cause as Error).message;
    throw new PilotfishError('engine-failed', `the memory benchmark's process failed: ${why}`, {
      cause,
    });
  }
}

/** Fills every cell of every slot, then verifies a full pass of drafts: the worst case. */
async function fillEngine(modelPath: string): Promise<ChildReport> {
  const runtimeBytes = process.memoryUsage.rss();
  const shape = { slotCount, contextLength, passTokensMax, passRowsMax: 96 };
  const engine = await loadLlamaEngine({ ...shape, modelPath, threads: 1, probe: false });
  const filler = (count: number): Int32Array => new Int32Array(count).fill(5);
  const slots = Array.from({ length: slotCount }, (_, slot) => slotId(slot));
  const filled = contextLength - draftCount - 1;
  for (const slot of slots) {
    await engine.open(slot, { sampling: plainSampling, seed: 0n, promptLength: 0 });
    for (let from = 0; from < filled; from += passTokensMax) {
      const tokens = filler(Math.min(passTokensMax, filled - from));
      await engine.pass([{ slot, from, tokens, judge: null }]);
    }
  }
  const judge = { scheme: 'coupled', draftCount } as const;
  const tokens = filler(draftCount + 1);
  await engine.pass(slots.map((slot) => ({ slot, from: filled, tokens, judge })));
  const peakBytes = peakResidentBytes();
  await engine.close();
  return { peakBytes, runtimeBytes };
}

/** VmHWM where there is one: unlike getrusage, it does not begin at the parent's size. */
function peakResidentBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(match![1]) * 1024;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await fillEngine(process.argv[2]!)));
}
