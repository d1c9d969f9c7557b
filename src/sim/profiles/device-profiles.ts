// Lists devices for experiments to imitate: time per drafted token and power draw, from published
// measurements, each with its source. Results that use them are called emulated.

export interface DeviceProfile {
  readonly name: string;
  /** Measured: milliseconds a token of a model with so many million weights. */
  readonly tokenMs: number;
  readonly model: string;
  readonly weightsMillion: number;
  readonly speedSource: string;
  /** While it drafts, in watts; and while it waits, where the source tells. */
  readonly draftWatts: number;
  readonly powerSource: string;
}

export const deviceProfiles = {
  'pi-4': {
    name: 'Raspberry Pi 4B',
    tokenMs: 328,
    model: 'Qwen 1.8B, 4 bits',
    weightsMillion: 1_837,
    speedSource: '3.05 tokens/s, Ollama 0.1.42: github.com/aidatatools/ollama-benchmark/pull/9',
    draftWatts: 7,
    powerSource: 'a round figure for the board under load',
  },
  'pi-5': {
    name: 'Raspberry Pi 5',
    tokenMs: 151,
    model: 'Qwen 1.8B, 4 bits',
    weightsMillion: 1_837,
    speedSource: '6.62 tokens/s, Ollama 0.1.41: github.com/aidatatools/ollama-benchmark/pull/9',
    draftWatts: 11.2,
    powerSource: 'peak while it writes, 16 GB board: github.com/geerlingguy/ai-benchmarks/issues/7',
  },
  'jetson-nano': {
    name: 'Jetson Nano, 4 GB',
    tokenMs: 75,
    model: 'Vicuna 68M',
    weightsMillion: 68,
    speedSource: '301 ms for 4 drafts, third-party notes of table 5 of arXiv 2505.21594',
    draftWatts: 10,
    powerSource: 'the 10 W mode of the module',
  },
  'orin-nano': {
    name: 'Jetson Orin Nano Super, 25 W mode',
    tokenMs: 6.05,
    model: 'SmolLM2 135M, llama.cpp',
    weightsMillion: 135,
    speedSource: '165.2 tokens/s: smolhub.com/posts/jetson-nano-super-benchmark-non-reasoning',
    draftWatts: 7.3,
    powerSource: '22.6 tokens/J of the same measurement',
  },
  phone: {
    name: 'phone (Galaxy S20 FE)',
    tokenMs: 31,
    model: 'Qwen2.5 0.5B, 4 bits, llama.cpp',
    weightsMillion: 494,
    speedSource: '32 tokens/s: huggingface.co/datasets/dispatchAI/on-device-latency',
    draftWatts: 4,
    powerSource: 'the middle of the 3 to 5 W told for phones that infer without pause',
  },
  laptop: {
    name: 'laptop (RTX 4050)',
    tokenMs: 7.6,
    model: 'Qwen2.5 1.5B, 4 bits',
    weightsMillion: 1_544,
    speedSource: '131.7 tokens/s: arXiv 2603.23640',
    draftWatts: 34.1,
    powerSource: 'arXiv 2603.23640',
  },
} as const satisfies Record<string, DeviceProfile>;
export type DeviceName = keyof typeof deviceProfiles;

/**
 * Milliseconds a token of a draft of another size: decoding reads every weight once, so its time
 * goes with them. A calculation that flatters small models, whose fixed costs weigh more.
 */
export const draftMsOf = (
  device: Pick<DeviceProfile, 'tokenMs' | 'weightsMillion'>,
  weightsMillion: number,
): number => (device.tokenMs * weightsMillion) / device.weightsMillion;
