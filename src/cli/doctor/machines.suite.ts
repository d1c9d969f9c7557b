// Describes machines by their files, for tests of gathering and judging. The texts are shortened
// from real systems; the missing parts are not read.

import type { Facts } from './facts.js';
import {
  gatherGraphics,
  gatherHeat,
  gatherMemory,
  gatherProcessor,
  gatherSystem,
} from './gather.js';
import type { EngineFacts } from './gather-engine.js';
import type { Machine } from './machine.js';

type Files = Readonly<Record<string, string>>;

const gibibyte = 2 ** 30;

/** A machine of plain facts; `files` by path, folders follow from them. */
export function machine(facts: Partial<Machine>, files: Files = {}): Machine {
  return {
    platform: 'linux',
    arch: 'x64',
    kernelArch: 'x86_64',
    kernelRelease: '6.1.0',
    nodeVersion: '20.19.0',
    glibcVersion: '2.36',
    sharedObjects: [],
    cpuModel: 'test',
    processorCount: 8,
    parallelism: 8,
    totalBytes: 16 * gibibyte,
    freeBytes: 8 * gibibyte,
    env: {},
    read: (path) => files[path] ?? null,
    list: (path) =>
      Object.keys(files)
        .filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1).split('/')[0]!),
    ...facts,
  };
}

const cxx = (minor: number): string =>
  Array.from({ length: minor + 1 }, (_, index) => `GLIBCXX_3.4.${index}\0`).join('') +
  'GLIBCXX_DEBUG_MESSAGE_LENGTH\0';

const osRelease = (id: string, version: string, name: string): string =>
  `PRETTY_NAME="${name}"\nNAME="${name}"\nVERSION_ID="${version}"\nID=${id}\n`;

const armLibrary = '/usr/lib/aarch64-linux-gnu/libstdc++.so.6';
const oldArm = 'processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\n';
const newArm = `${oldArm.trimEnd()} asimdhp asimddp\n`;

export const machines = {
  /** Raspberry Pi 4 with a poor supply, on the 64-bit system of 2021. */
  bullseyePi: machine(
    {
      arch: 'arm64',
      kernelArch: 'aarch64',
      glibcVersion: '2.31',
      sharedObjects: [armLibrary],
      cpuModel: 'Cortex-A72',
      processorCount: 4,
      parallelism: 4,
      totalBytes: 4 * gibibyte,
    },
    {
      '/etc/os-release': osRelease('debian', '11', 'Debian GNU/Linux 11 (bullseye)'),
      '/proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.4\0',
      '/proc/cpuinfo': oldArm,
      '/proc/meminfo': 'MemTotal: 3885396 kB\nMemAvailable:    3100000 kB\n',
      [armLibrary]: cxx(28),
      '/sys/class/thermal/thermal_zone0/temp': '61324\n',
      '/sys/devices/platform/soc/soc:firmware/get_throttled': '50005\n',
    },
  ),
  /** Raspberry Pi 5, all in order. */
  bookwormPi: machine(
    {
      arch: 'arm64',
      kernelArch: 'aarch64',
      sharedObjects: [armLibrary],
      cpuModel: 'Cortex-A76',
      processorCount: 4,
      parallelism: 4,
    },
    {
      '/etc/os-release': osRelease('debian', '12', 'Debian GNU/Linux 12 (bookworm)'),
      '/proc/device-tree/model': 'Raspberry Pi 5 Model B Rev 1.0\0',
      '/proc/cpuinfo': newArm,
      [armLibrary]: cxx(30),
      '/sys/class/thermal/thermal_zone0/temp': '48300\n',
      '/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled': '0\n',
    },
  ),
  /** Jetson Orin with JetPack 5: Ubuntu 20.04 and a GPU without a package. */
  jetpack5: machine(
    {
      arch: 'arm64',
      kernelArch: 'aarch64',
      glibcVersion: '2.31',
      sharedObjects: [armLibrary],
      cpuModel: 'ARMv8 Processor rev 1 (v8l)',
    },
    {
      '/etc/os-release': osRelease('ubuntu', '20.04', 'Ubuntu 20.04.6 LTS'),
      '/etc/nv_tegra_release': '# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref\n',
      '/proc/device-tree/model': 'NVIDIA Jetson Orin Nano Developer Kit\0',
      '/proc/cpuinfo': newArm,
      '/dev/nvhost-gpu': '',
      [armLibrary]: cxx(28),
    },
  ),
  alpine: machine(
    { glibcVersion: null, sharedObjects: ['/lib/ld-musl-x86_64.so.1', '/usr/lib/libstdc++.so.6'] },
    {
      '/etc/os-release': osRelease('alpine', '3.20.1', 'Alpine Linux v3.20'),
      '/usr/lib/libstdc++.so.6': cxx(32),
    },
  ),
  /** The 32-bit Raspberry Pi OS, which boots a 64-bit kernel. */
  armv7l: machine(
    { arch: 'arm', kernelArch: 'aarch64', cpuModel: 'Cortex-A72' },
    { '/etc/os-release': osRelease('raspbian', '12', 'Raspbian GNU/Linux 12 (bookworm)') },
  ),
  armv7lOnly: machine({
    arch: 'arm',
    kernelArch: 'armv7l',
    cpuModel: 'ARMv7 Processor rev 5 (v7l)',
  }),
  mac: machine({
    platform: 'darwin',
    arch: 'arm64',
    kernelArch: 'arm64',
    glibcVersion: null,
    cpuModel: 'Apple M2',
  }),
  /** A container with 1.5 processors and 1 GiB, under control groups of version 2. */
  container2: machine(
    {},
    {
      '/proc/self/cgroup': '0::/system.slice/docker-1.scope\n',
      '/sys/fs/cgroup/system.slice/docker-1.scope/cpu.max': '400000 100000\n',
      '/sys/fs/cgroup/system.slice/cpu.max': '150000 100000\n',
      '/sys/fs/cgroup/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/system.slice/docker-1.scope/memory.max': `${gibibyte}\n`,
      '/sys/fs/cgroup/system.slice/docker-1.scope/memory.current': `${gibibyte / 4}\n`,
      '/sys/fs/cgroup/system.slice/memory.max': 'max\n',
    },
  ),
  /** The same under version 1, where the group's folder is not visible from inside. */
  container1: machine(
    {},
    {
      '/proc/self/cgroup': '12:cpu,cpuacct:/docker/1\n7:memory:/docker/1\n0::/docker/1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${gibibyte}\n`,
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${gibibyte / 4}\n`,
    },
  ),
  /** No limit, as version 1 writes it. */
  unlimited1: machine(
    {},
    {
      '/proc/self/cgroup': '12:cpu:/\n7:memory:/\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    },
  ),
};

export const engines = {
  loaded: {
    llamaVersion: '0.5.0',
    packageVersion: '3.22.1',
    namedFolder: null,
    folder: '/lib/llama',
    source: '@node-llama-cpp/linux-x64',
    backends: ['libggml-cpu-x64.so'],
    load: {
      kind: 'loaded',
      devices: [{ name: 'CPU', description: 'test', kind: 'cpu', totalBytes: 1, freeBytes: 1 }],
    },
  },
  missing: {
    llamaVersion: '0.5.0',
    packageVersion: '3.22.1',
    namedFolder: null,
    folder: null,
    source: null,
    backends: [],
    load: { kind: 'refused', code: 'library-not-found', message: 'none of them is installed' },
  },
} as const satisfies Record<string, EngineFacts>;

/** An engine whose library is present and does not load. */
export const refusing = (message: string): EngineFacts => ({
  ...engines.loaded,
  load: { kind: 'refused', code: 'library-incompatible', message },
});

/** All facts of a machine; models and hub are in order. */
export function factsOf(from: Machine, engine: EngineFacts, change: Partial<Facts> = {}): Facts {
  return {
    version: '0.1.0',
    system: gatherSystem(from),
    processor: gatherProcessor(from),
    memory: gatherMemory(from),
    heat: gatherHeat(from),
    graphics: gatherGraphics(from),
    engine,
    models: [{ file: 'm.gguf', bytes: 1000, intact: true, problem: null, exit: null }],
    hub: {
      endpoint: 'https://hub',
      cacheDir: '/cache',
      cacheExists: true,
      cacheWritable: true,
      freeBytes: 1e11,
      tokenSet: false,
      offline: false,
      proxySet: false,
      proxyUsed: false,
      problem: null,
    },
    ...change,
  };
}
