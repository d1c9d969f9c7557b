// Judges the system: platform, Node, C and C++ library, processor, cores, memory, heat. Pure. The
// prebuilt llama.cpp packages are built on Ubuntu 22.04, with glibc 2.35 and GLIBCXX 3.4.30.

import { formatMemory } from '../screen/numbers.js';
import { type Check, fail, isAtLeast, note, ok, warn } from './check.js';
import type { Facts } from './facts.js';

const nodeMin = '20.19';
const glibcMin = '2.34';
const cxxMin = '3.4.30';
const ownBuild = 'or build llama.cpp yourself and set LLAMA_LIB_DIR';
/** Too little for a useful model beside the system. */
const memoryMin = 512 * 2 ** 20;

export function judgePlatform({ system, engine }: Facts): Check {
  const { platform, arch, kernelArch, board, distribution } = system;
  const where = [distribution?.name ?? platform, arch, board].filter((part) => part).join(', ');
  if (platform === 'linux' && (arch === 'x64' || arch === 'arm64')) return ok('system', where);
  if (platform === 'linux' && arch === 'arm') {
    const finding = `${where}: a 32-bit system, and the npm package for armv7l carries 64-bit code that it cannot load`;
    const remedy = /^(aarch64|armv8)/.test(kernelArch)
      ? 'The processor and kernel are 64-bit: install a 64-bit system (Raspberry Pi OS 64-bit, Bookworm or later) and a 64-bit Node.'
      : `Use a 64-bit board and system (Raspberry Pi 3 or later), ${ownBuild}.`;
    return engine.load.kind === 'loaded' ? note('system', where) : fail('system', finding, remedy);
  }
  if (platform === 'darwin') return ok('system', where);
  const finding = `${where}: pilotfish is not tested on this system`;
  return warn('system', finding, 'Use Linux (on Windows: WSL) or macOS.');
}

export function judgeNode({ system }: Facts): Check {
  if (isAtLeast(system.nodeVersion, nodeMin)) return ok('Node', system.nodeVersion);
  return fail('Node', `${system.nodeVersion} is too old`, `Install Node ${nodeMin} or later.`);
}

/** If the library loads, the system fits, whatever its versions. */
export function judgeLibc({ system, engine }: Facts): Check | null {
  if (system.platform !== 'linux') return null;
  if (system.libc === 'musl') {
    if (engine.load.kind === 'loaded') return note('C library', 'musl');
    const remedy = `Use an image with glibc (node:20-bookworm-slim instead of node:20-alpine), ${ownBuild}.`;
    return fail('C library', 'musl: the prebuilt llama.cpp packages need glibc', remedy);
  }
  const { glibcVersion, cxxVersion } = system;
  const glibc = glibcVersion === null ? 'unknown C library' : `glibc ${glibcVersion}`;
  const finding = `${glibc}${cxxVersion === null ? '' : `, GLIBCXX ${cxxVersion}`}`;
  const tooOld = [
    glibcVersion !== null && !isAtLeast(glibcVersion, glibcMin) && `glibc ${glibcMin}`,
    cxxVersion !== null && !isAtLeast(cxxVersion, cxxMin) && `GLIBCXX ${cxxMin}`,
  ].filter((name) => name !== false);
  if (tooOld.length === 0 || engine.load.kind === 'loaded') return ok('C library', finding);
  const needs = `${finding}: the prebuilt llama.cpp packages need ${tooOld.join(' and ')}`;
  return fail('C library', needs, newerSystem(system));
}

function newerSystem({ tegraRelease, distribution, board }: Facts['system']): string {
  if (tegraRelease !== null && tegraRelease < 36) {
    const jetpack = { 32: 'JetPack 4', 35: 'JetPack 5' }[tegraRelease] ?? 'this JetPack';
    return `${jetpack} is too old: install JetPack 6, run in a container of Ubuntu 22.04 or later, ${ownBuild}.`;
  }
  const { id = '', version = '' } = distribution ?? {};
  if (['debian', 'raspbian'].includes(id) && Number(version) < 12) {
    const name = board?.startsWith('Raspberry Pi') ? 'Raspberry Pi OS' : 'Debian';
    return `${name} ${version} is too old: install ${name} 12 (Bookworm) or later, ${ownBuild}.`;
  }
  return `Upgrade to a system of 2022 or later (Debian 12, Ubuntu 22.04), ${ownBuild}.`;
}

/** The processor features that matter most for llama.cpp, and what is missing without them. */
const wantedFeatures: Readonly<Record<string, readonly [features: string[], without: string]>> = {
  x64: [['avx2', 'fma', 'f16c'], 'processors before 2013 are several times slower'],
  arm64: [
    ['asimddp', 'asimdhp'],
    'Cortex-A72 and older (Raspberry Pi 4) are slower with quantised models; a Pi 5 has them',
  ],
};

export function judgeProcessor({ system, processor }: Facts): Check {
  const { model, features } = processor;
  const wanted = wantedFeatures[system.arch];
  // Without a list (macOS, some containers) there is nothing to compare.
  if (wanted === undefined || features.length === 0) return ok('processor', model);
  const [all, without] = wanted;
  const missing = all.filter((feature) => !features.includes(feature));
  if (missing.length > 0) {
    return note('processor', `${model} lacks ${missing.join(' ')}: ${without}`);
  }
  const extra = features.filter((name) => /^(avx512f|avx_vnni|amx_int8|i8mm|sve)$/.test(name));
  return ok('processor', `${model}, ${[...all, ...extra].join(' ')}`);
}

export function judgeCores({ processor }: Facts): Check {
  const { parallelism, processorCount, quota } = processor;
  const whole = parallelism === processorCount ? '' : ` of ${processorCount}`;
  const visible = `${parallelism}${whole} cores`;
  if (quota !== null && quota < parallelism) {
    const threads = Math.max(1, Math.floor(quota));
    const finding = `${visible} are visible, but the container may use only ${Number(quota.toFixed(2))}`;
    const remedy = `Waiting ggml threads use processor time: pass --threads ${threads}.`;
    return warn('cores', finding, remedy);
  }
  if (parallelism === 1) {
    const remedy = 'Run only one of them on this machine, and pass --threads 1.';
    return warn('cores', 'one core: draft and target model share it', remedy);
  }
  if (parallelism <= 4) {
    const finding = `${visible}: threads of two models that share a core slow both down many times`;
    const remedy = `Give all models on this machine together fewer threads than cores (--threads 1 for each of two).`;
    return note('cores', finding, remedy);
  }
  return ok('cores', visible);
}

export function judgeMemory({ system, memory }: Facts): Check {
  const { totalBytes, availableBytes, limitBytes } = memory;
  const whole = formatMemory(limitBytes ?? totalBytes);
  const limit = limitBytes === null ? '' : ' (limit of the container)';
  const finding = `${formatMemory(availableBytes)} available of ${whole}${limit}`;
  // Other systems count memory as used that they would free at once.
  if (system.platform !== 'linux' || availableBytes >= memoryMin) return ok('memory', finding);
  const remedy = 'Close other programs, raise the limit, or use only small models.';
  return warn('memory', finding, remedy);
}

const hotCelsius = 80;
const coolIt = 'Cool it: a heat sink or a fan.';
const otherSupply = 'Use the power supply and cable made for the board.';

export function judgeHeat({ heat: { celsius, throttled } }: Facts): Check | null {
  if (throttled === null && celsius === null) return null;
  // Bits of get_throttled, now and (16 higher) since the start: 0 low voltage, 1 to 3 slowed down.
  const bits = throttled ?? 0;
  const [, form, finding, remedy] = (
    [
      [
        bits & 0x1,
        warn,
        'the supply voltage is too low, so the processor runs slower',
        otherSupply,
      ],
      [bits & 0xe, warn, 'the processor is slowed down', coolIt],
      [celsius !== null && celsius >= hotCelsius, warn, 'about to be slowed down', coolIt],
      [bits & 0x1_0000, note, 'the supply voltage has been too low since the start', otherSupply],
      [
        bits & 0xe_0000,
        note,
        'the processor has been slowed down since the start',
        'Cool it before measuring anything.',
      ],
      [true, ok, 'not slowed down', null],
    ] as const
  ).find(([applies]) => applies)!;
  const degrees = celsius === null ? '' : `${celsius.toFixed(0)} °C, `;
  return form('heat', `${degrees}${finding}`, remedy);
}
