// Judges the engine and its surroundings: libraries, GPUs, models, the model cache. Pure.

import type { ComputeDevice } from '../../engine/llama/ffi/devices.js';
import { formatBytes, formatMemory } from '../screen/numbers.js';
import { type Check, fail, note, ok, warn } from './check.js';
import type { Facts } from './facts.js';
import type { EngineFacts } from './gather-engine.js';
import type { ModelCheck } from './gather-models.js';

/** Platform packages on npm; others do not exist. */
const packages: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

/** `npm install ...` for a platform package, or null where there is none. */
function installCommand(
  { platform, arch }: Facts['system'],
  engine: EngineFacts,
  kind = '',
): string | null {
  const name = packages[`${platform}-${arch}`];
  return name ? `npm install @node-llama-cpp/${name}${kind}@${engine.packageVersion}` : null;
}

export function judgeLibrary({ system, engine }: Facts): Check {
  const { load, folder, source, llamaVersion } = engine;
  if (load.kind === 'loaded') return ok('llama.cpp', `${llamaVersion} from ${source} loads`);
  return fail('llama.cpp', loadFinding(engine), loadRemedy(system, engine, folder !== null));
}

function loadFinding({ load, folder }: EngineFacts): string {
  if (load.kind !== 'crashed') return load.kind === 'refused' ? load.message : '';
  const why =
    load.how === 'SIGILL'
      ? 'it uses instructions this processor does not have'
      : `the process that loaded it ended with ${load.how}`;
  return `the library in ${folder} cannot be loaded: ${why}`;
}

function loadRemedy(system: Facts['system'], engine: EngineFacts, found: boolean): string {
  const { load, llamaVersion, namedFolder } = engine;
  if (namedFolder !== null) {
    return `LLAMA_LIB_DIR is ${namedFolder}: unset it, or set it to the folder of a llama.cpp ${llamaVersion} build for this system.`;
  }
  const install = system.libc === 'musl' ? null : installCommand(system, engine);
  const build = `build llama.cpp ${llamaVersion} yourself and set LLAMA_LIB_DIR to its folder`;
  const message = load.kind === 'refused' ? load.message : '';
  if (/GLIBC(XX)?_/.test(message)) return `See "C library" above, or ${build}.`;
  if (install === null || load.kind === 'crashed') return `For this system: ${build}.`;
  if (found) return `${install}, or ${build}.`;
  return `${install} (an optional dependency, which --omit=optional leaves out).`;
}

export function judgeGpu({ system, engine, graphics }: Facts): Check {
  const devices = engine.load.kind === 'loaded' ? engine.load.devices : [];
  const gpus = devices.filter(({ kind }) => kind === 'gpu');
  if (gpus.length > 0) {
    const textOf = ({ name, description, freeBytes }: ComputeDevice): string =>
      `${description} (${name}, ${formatMemory(freeBytes)} free)`;
    return ok('GPU', gpus.map(textOf).join('; '));
  }
  const backends = engine.backends.filter((name) => /cuda|vulkan|metal/.test(name));
  if (backends.length > 0 && engine.load.kind === 'loaded') {
    const finding = `${backends.join(', ')} is installed, but finds no GPU`;
    const remedy = 'Install or start the GPU driver; until then the processor is used.';
    return warn('GPU', finding, remedy);
  }
  return missingGpu(system, engine, graphics);
}

function missingGpu(
  system: Facts['system'],
  engine: EngineFacts,
  graphics: Facts['graphics'],
): Check {
  if (graphics.nvidia && system.arch === 'arm64') {
    return note(
      'GPU',
      'an NVIDIA GPU on arm64, for which the npm packages have no CUDA build: only the processor is used',
      `Build llama.cpp ${engine.llamaVersion} with CUDA and set LLAMA_LIB_DIR to its folder.`,
    );
  }
  const x64 = system.platform === 'linux' && system.arch === 'x64';
  if (graphics.nvidia && x64) {
    const finding = 'an NVIDIA GPU, unused: the CUDA package is not installed';
    return note('GPU', finding, `${installCommand(system, engine, '-cuda')}.`);
  }
  if (graphics.renderNode && x64) {
    const finding = 'a GPU, unused: the Vulkan package is not installed';
    return note('GPU', finding, `To use it: ${installCommand(system, engine, '-vulkan')}.`);
  }
  return ok('GPU', 'none; the processor is used');
}

export function judgeModel(model: ModelCheck): Check {
  const { file, bytes, intact, problem, exit } = model;
  const name = `model ${file}`;
  if (bytes === null) {
    return fail(name, 'is missing', 'Install the package again: the demo needs it.');
  }
  const size = formatBytes(bytes);
  if (intact === false) {
    const finding = `${size}, but its checksum is not the published one`;
    return fail(name, finding, 'Install the package again: the file is damaged or was replaced.');
  }
  if (problem !== null) return fail(name, problem, 'Install the package again.');
  const state = intact === null ? 'no published checksum' : 'intact';
  const place = exit
    ? `, a trained exit head after block ${exit.layer} of ${exit.targetBlockCount}`
    : '';
  return ok(name, `${size}, ${state}${place}`);
}

/** With less free space than this no useful model fits. */
const spaceMin = 1e9;

export function judgeHub({ hub }: Facts): Check {
  const { cacheDir, freeBytes } = hub;
  const name = 'model cache';
  if (hub.problem !== null) {
    return fail(name, hub.problem, 'Correct or unset the environment variable.');
  }
  const space = freeBytes === null ? '' : `, ${formatBytes(freeBytes)} free`;
  const finding = `${cacheDir}${hub.cacheExists ? '' : ' (does not exist yet)'}${space}`;
  if (!hub.cacheWritable) {
    return warn(name, `${finding}: cannot be written`, 'Set HF_HOME to a folder of your own.');
  }
  if (freeBytes !== null && freeBytes < spaceMin) {
    return warn(name, finding, 'Free some space, or set HF_HOME to a folder on a larger disk.');
  }
  if (hub.offline) return note(name, `${finding}; HF_HUB_OFFLINE is set: nothing is downloaded`);
  return ok(name, finding);
}

export function judgeProxy({ hub }: Facts): Check | null {
  if (!hub.proxySet) return null;
  if (hub.proxyUsed) return ok('proxy', 'used for downloads');
  const finding = 'one is configured, but Node does not use it for downloads';
  return warn('proxy', finding, 'Set NODE_USE_ENV_PROXY=1; this needs Node 22.21, 24 or later.');
}
