// Gathers facts about the machine: system, processor, memory, heat, GPUs. Judges nothing. Sources:
// proc(5), cgroups(7), os-release(5), the Raspberry Pi firmware's get_throttled.

import { memoryLimitBytes, memoryUsedBytes, processorQuota } from '../../base/control-groups.js';
import type { Machine } from './machine.js';

export function gatherSystem(machine: Machine) {
  const { platform, arch, kernelArch, kernelRelease, nodeVersion, glibcVersion } = machine;
  return {
    ...{ platform, arch, kernelArch, kernelRelease },
    distribution: readDistribution(machine),
    // Device-tree texts end with a zero byte.
    board: machine.read('/proc/device-tree/model')?.replaceAll('\0', '').trim() || null,
    tegraRelease: readTegraRelease(machine),
    nodeVersion,
    libc: readLibc(machine),
    glibcVersion,
    cxxVersion: readCxxVersion(machine),
  };
}

function readDistribution(machine: Machine) {
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

/** Major release of NVIDIA's Linux for Tegra: 32 is JetPack 4, 35 is 5, 36 is 6. */
function readTegraRelease(machine: Machine): number | null {
  const [, release] = /# R(\d+)/.exec(machine.read('/etc/nv_tegra_release') ?? '') ?? [];
  return release === undefined ? null : Number(release);
}

function readLibc(machine: Machine): 'glibc' | 'musl' | 'other' {
  if (machine.platform !== 'linux') return 'other';
  if (machine.glibcVersion !== null) return 'glibc';
  return machine.sharedObjects.some((path) => path.includes('ld-musl')) ? 'musl' : 'other';
}

const libraryFolders = ['/usr/lib', '/usr/lib64', '/lib', '/lib64'];

/** The newest version in the text section of libstdc++ decides which programs it can run. */
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
  const folders = libraryFolders.flatMap((folder) => {
    const triplets = machine.list(folder).filter((name) => name.includes('-linux-gnu'));
    return triplets.map((name) => `${folder}/${name}`);
  });
  return [...folders, ...libraryFolders].map((folder) => `${folder}/libstdc++.so.6`);
}

export function gatherProcessor(machine: Machine) {
  const cpuinfo = machine.read('/proc/cpuinfo') ?? '';
  // x86 says flags, ARM says Features; each processor repeats them.
  const [, features] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo) ?? [];
  const { cpuModel: model, processorCount, parallelism } = machine;
  const list = features?.trim().split(/\s+/) ?? [];
  const quota = processorQuota((path) => machine.read(path));
  return { model, features: list, processorCount, parallelism, quota };
}

export function gatherMemory(machine: Machine) {
  // Memory available without swapping.
  const [, available] =
    /^MemAvailable:\s+(\d+) kB$/m.exec(machine.read('/proc/meminfo') ?? '') ?? [];
  const read = (path: string): string | null => machine.read(path);
  const limitBytes = memoryLimitBytes(read, machine.totalBytes);
  const free = available === undefined ? machine.freeBytes : Number(available) * 1024;
  const used = memoryUsedBytes(read);
  return {
    totalBytes: machine.totalBytes,
    availableBytes: limitBytes === null ? free : Math.max(0, Math.min(free, limitBytes - used)),
    limitBytes,
  };
}

export function gatherHeat(machine: Machine) {
  const milli = machine.read('/sys/class/thermal/thermal_zone0/temp')?.trim();
  const throttled = readThrottled(machine)?.trim();
  return {
    celsius: milli ? Number(milli) / 1000 : null,
    // Bits of the Raspberry Pi's firmware; null elsewhere.
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

export function gatherGraphics(machine: Machine) {
  const devices = machine.list('/dev');
  return {
    nvidia:
      machine.read('/proc/driver/nvidia/version') !== null ||
      devices.some((name) => /^nvidia\d|^nvhost-gpu$|^nvgpu$/.test(name)),
    renderNode: machine.list('/dev/dri').some((name) => name.startsWith('renderD')),
  };
}
