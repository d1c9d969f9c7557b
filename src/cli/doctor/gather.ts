// Gathers facts about the machine: system, processor, memory, heat, GPUs. Judges nothing. Sources:
// proc(5), cgroups(7), os-release(5), the Raspberry Pi firmware's get_throttled.

import {
  memoryLimitBytes,
  memoryUsedBytes,
  processorQuota,
  type ReadText,
} from '../../base/control-groups.js';
import type {
  GraphicsFacts,
  HeatFacts,
  MemoryFacts,
  ProcessorFacts,
  SystemFacts,
} from './facts.js';
import type { Machine } from './machine.js';

const readOf =
  (machine: Machine): ReadText =>
  (path) =>
    machine.read(path);

export function gatherSystem(machine: Machine): SystemFacts {
  return {
    platform: machine.platform,
    arch: machine.arch,
    kernelArch: machine.kernelArch,
    kernelRelease: machine.kernelRelease,
    distribution: readDistribution(machine),
    board: readBoard(machine),
    tegraRelease: readTegraRelease(machine),
    nodeVersion: machine.nodeVersion,
    libc: readLibc(machine),
    glibcVersion: machine.glibcVersion,
    cxxVersion: readCxxVersion(machine),
  };
}

function readDistribution(machine: Machine): SystemFacts['distribution'] {
  const text = machine.read('/etc/os-release') ?? machine.read('/usr/lib/os-release');
  if (text === null) return null;
  const fields = new Map(
    [...text.matchAll(/^(\w+)=["']?(.*?)["']?$/gm)].map(([, key, value]) => [key!, value!]),
  );
  return {
    id: fields.get('ID') ?? 'linux',
    version: fields.get('VERSION_ID') ?? '',
    name: fields.get('PRETTY_NAME') ?? fields.get('NAME') ?? 'Linux',
  };
}

/** Device-tree texts end with a zero byte. */
const readBoard = (machine: Machine): string | null =>
  machine.read('/proc/device-tree/model')?.replaceAll('\0', '').trim() || null;

function readTegraRelease(machine: Machine): number | null {
  const [, release] = /# R(\d+)/.exec(machine.read('/etc/nv_tegra_release') ?? '') ?? [];
  return release === undefined ? null : Number(release);
}

function readLibc(machine: Machine): SystemFacts['libc'] {
  if (machine.platform !== 'linux') return 'other';
  if (machine.glibcVersion !== null) return 'glibc';
  return machine.sharedObjects.some((path) => path.includes('ld-musl')) ? 'musl' : 'other';
}

const libraryFolders = ['/usr/lib', '/usr/lib64', '/lib', '/lib64'];

/**
 * The versions that libstdc++ offers are in its text section. The newest one decides which programs
 * it can run.
 */
function readCxxVersion(machine: Machine): string | null {
  if (machine.platform !== 'linux') return null;
  const loaded = machine.sharedObjects.find((path) => path.includes('libstdc++.so'));
  const paths = loaded === undefined ? libstdcxxPaths(machine) : [loaded];
  for (const path of paths) {
    const minors = [...(machine.read(path) ?? '').matchAll(/GLIBCXX_3\.4\.(\d+)/g)];
    if (minors.length > 0) return `3.4.${Math.max(...minors.map(([, minor]) => Number(minor)))}`;
  }
  return null;
}

/** For Node builds that link libstdc++ statically and do not have it loaded. */
function libstdcxxPaths(machine: Machine): string[] {
  const triplets = libraryFolders.flatMap((folder) =>
    machine
      .list(folder)
      .filter((name) => name.includes('-linux-gnu'))
      .map((name) => `${folder}/${name}`),
  );
  return [...triplets, ...libraryFolders].map((folder) => `${folder}/libstdc++.so.6`);
}

export function gatherProcessor(machine: Machine): ProcessorFacts {
  const cpuinfo = machine.read('/proc/cpuinfo') ?? '';
  // x86 says flags, ARM says Features; each processor repeats them.
  const [, features] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo) ?? [];
  return {
    model: machine.cpuModel,
    features: features?.trim().split(/\s+/) ?? [],
    processorCount: machine.processorCount,
    parallelism: machine.parallelism,
    quota: processorQuota(readOf(machine)),
  };
}

export function gatherMemory(machine: Machine): MemoryFacts {
  const [, available] =
    /^MemAvailable:\s+(\d+) kB$/m.exec(machine.read('/proc/meminfo') ?? '') ?? [];
  const read = readOf(machine);
  const limitBytes = memoryLimitBytes(read, machine.totalBytes);
  const free = available === undefined ? machine.freeBytes : Number(available) * 1024;
  const used = memoryUsedBytes(read);
  return {
    totalBytes: machine.totalBytes,
    availableBytes: limitBytes === null ? free : Math.max(0, Math.min(free, limitBytes - used)),
    limitBytes,
  };
}

export function gatherHeat(machine: Machine): HeatFacts {
  const milli = machine.read('/sys/class/thermal/thermal_zone0/temp')?.trim();
  const throttled = readThrottled(machine)?.trim();
  return {
    celsius: milli ? Number(milli) / 1000 : null,
    throttled: throttled ? Number.parseInt(throttled, 16) : null,
  };
}

/** The firmware's node has the chip's name: `soc` up to the Pi 4, `soc@107c000000` on the Pi 5. */
function readThrottled(machine: Machine): string | null {
  const root = '/sys/devices/platform';
  const chips = machine.list(root).filter((name) => name.startsWith('soc'));
  return chips
    .map((chip) => machine.read(`${root}/${chip}/${chip}:firmware/get_throttled`))
    .reduce((found, text) => found ?? text, null);
}

export function gatherGraphics(machine: Machine): GraphicsFacts {
  const devices = machine.list('/dev');
  return {
    nvidia:
      machine.read('/proc/driver/nvidia/version') !== null ||
      devices.some((name) => /^nvidia\d|^nvhost-gpu$|^nvgpu$/.test(name)),
    renderNode: machine.list('/dev/dri').some((name) => name.startsWith('renderD')),
  };
}
