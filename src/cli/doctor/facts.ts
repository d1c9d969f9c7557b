// Defines the facts about a machine, as plain data: gathered in one place, judged in another,
// printed by --json. Holds no secrets: whether a token is set, never the token.

import type { ErrorCode } from '../../base/error.js';
import type { Machine } from './machine.js';

type SystemOfMachine =
  | 'platform'
  | 'arch'
  | 'kernelArch'
  | 'kernelRelease'
  | 'nodeVersion'
  | 'glibcVersion';

export interface SystemFacts extends Pick<Machine, SystemOfMachine> {
  /** From /etc/os-release. */
  readonly distribution: Readonly<Record<'id' | 'version' | 'name', string>> | null;
  /** Name of a single-board computer, from its device tree. */
  readonly board: string | null;
  /** Major release of NVIDIA's Linux for Tegra: 32 is JetPack 4, 35 is 5, 36 is 6. */
  readonly tegraRelease: number | null;
  readonly libc: 'glibc' | 'musl' | 'other';
  /** Newest GLIBCXX version in libstdc++. */
  readonly cxxVersion: string | null;
}

export interface ProcessorFacts extends Pick<Machine, 'processorCount' | 'parallelism'> {
  readonly model: string;
  readonly features: readonly string[];
  /** Processor time that the control group allows, in processors; null: no limit. */
  readonly quota: number | null;
}

export interface MemoryFacts {
  readonly totalBytes: number;
  /** Memory available without swapping. */
  readonly availableBytes: number;
  /** Limit of the control group, or null. */
  readonly limitBytes: number | null;
}

export interface HeatFacts {
  readonly celsius: number | null;
  /** Bits of the Raspberry Pi's firmware; null elsewhere. */
  readonly throttled: number | null;
}

/** A compute device, as llama.cpp names it. */
export interface ComputeDeviceFacts {
  readonly name: string;
  readonly description: string;
  readonly kind: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

export type LoadFacts =
  | { readonly kind: 'loaded'; readonly devices: readonly ComputeDeviceFacts[] }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  /** The process that tried died. */
  | { readonly kind: 'crashed'; readonly how: string };

export interface EngineFacts {
  readonly llamaVersion: string;
  readonly packageVersion: string;
  /** Value of LLAMA_LIB_DIR, or null. */
  readonly namedFolder: string | null;
  readonly folder: string | null;
  /** The package or setting that named the folder. */
  readonly source: string | null;
  /** File names of the compute backends in the folder. */
  readonly backends: readonly string[];
  readonly load: LoadFacts;
}

export interface GraphicsFacts {
  /** A driver for NVIDIA GPUs is loaded. */
  readonly nvidia: boolean;
  /** A GPU with a render node is present. */
  readonly renderNode: boolean;
}

export interface ModelCheck {
  readonly file: string;
  readonly bytes: number | null;
  /** Null where the file is missing, or no checksum is known. */
  readonly intact: boolean | null;
  /** Why it cannot be used, or null. */
  readonly problem: string | null;
  /** Position of a trained exit head in its target; null for a model. */
  readonly exit: { readonly layer: number; readonly targetBlockCount: number } | null;
}

export interface HubFacts {
  readonly endpoint: string;
  readonly cacheDir: string;
  readonly cacheExists: boolean;
  readonly cacheWritable: boolean;
  readonly freeBytes: number | null;
  readonly tokenSet: boolean;
  readonly offline: boolean;
  /** Whether a proxy is configured, and whether this Node uses it. */
  readonly proxySet: boolean;
  readonly proxyUsed: boolean;
  /** An error in the settings, or null. */
  readonly problem: string | null;
}

export interface Facts {
  readonly version: string;
  readonly system: SystemFacts;
  readonly processor: ProcessorFacts;
  readonly memory: MemoryFacts;
  readonly heat: HeatFacts;
  readonly graphics: GraphicsFacts;
  readonly engine: EngineFacts;
  readonly models: readonly ModelCheck[];
  readonly hub: HubFacts;
}
