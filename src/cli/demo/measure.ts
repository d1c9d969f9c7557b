// Measures the modes of the demo: every text in every mode, turn by turn, so that other load on the
// machine hits all of them. First on the emulated large target, then on the target as it is.

import { median } from '../../math/statistics.js';
import type { Mode } from '../../protocol/frame.js';
import type { AnswerSample, ContenderSamples } from './comparison.js';
import type { DemoProcesses, Emulation } from './demo-processes.js';
import type { DeviceAnswer, DeviceProcess, DeviceRequest } from './device-process.js';
import type { RecordedPass } from './pass-recorder.js';

/** Writes a text without a server, and times it from the request to the last token. */
export type GenerateAlone = (task: DemoTask) => Promise<AnswerSample>;

/** A request without its mode. */
export type DemoTask = Omit<DeviceRequest, 'mode'>;

interface Contender {
  readonly name: string;
  readonly mode: Mode;
  readonly device: keyof Pick<DemoProcesses, 'modelDevice' | 'plainDevice'>;
}

/** Streaming comes first: the others are compared with it. */
const contenderSpecs: readonly Contender[] = [
  { name: 'streaming', mode: 'stream', device: 'modelDevice' },
  { name: 'stop-and-wait', mode: 'stop-and-wait', device: 'modelDevice' },
  { name: 'pipeline', mode: 'pipeline', device: 'modelDevice' },
  { name: 'race', mode: 'race', device: 'modelDevice' },
  { name: 'auto, no device', mode: 'auto', device: 'plainDevice' },
  { name: 'auto', mode: 'auto', device: 'modelDevice' },
];

/** The modes on one target, and the median of its passes. */
export interface Comparison {
  readonly ways: readonly ContenderSamples[];
  readonly passMs: number;
}

export interface DemoResult {
  readonly emulated: Comparison;
  readonly asItIs: Comparison;
  readonly alone: ContenderSamples;
  /** Whether every mode and drafter wrote the same tokens in every text. */
  readonly isSameText: boolean;
}

/** Collects measurements. Read `measured` after at least one turn. */
export class Measurement {
  readonly #stage: DemoProcesses;
  readonly #emulation: Emulation;
  readonly #writeAlone: GenerateAlone;
  readonly #emulated = new Collected();
  readonly #asItIs = new Collected();
  readonly #alone: AnswerSample[] = [];
  #isSameText = true;

  constructor(stage: DemoProcesses, emulation: Emulation, writeAlone: GenerateAlone) {
    this.#stage = stage;
    this.#emulation = emulation;
    this.#writeAlone = writeAlone;
  }

  /**
   * Writes one text in every mode; the order rotates with each turn.
   *
   * @param isEmulated whether passes take as long as a large target's. All such turns come first:
   *   the pass times that the server has learned then favour drafts.
   */
  async turn(task: DemoTask, index: number, isEmulated: boolean): Promise<void> {
    const { passMs } = this.#emulation;
    await this.#stage.server.setPace(isEmulated ? { passMs, rowMs: 0 } : null);
    if (isEmulated) this.#alone.push(await this.#writeAlone(task));
    const into = isEmulated ? this.#emulated : this.#asItIs;
    const texts = new Set<string>();
    for (let step = 0; step < contenderSpecs.length; step++) {
      const lane = contenderSpecs[(step + index) % contenderSpecs.length]!;
      const device: DeviceProcess = this.#stage[lane.device];
      // Earlier recordings belong to another lane.
      await this.#stage.server.report();
      const written = await middle(() => device.ask({ ...task, mode: lane.mode }));
      into.add(lane, sampleOf(written));
      texts.add(written.tokens.join());
      if (lane.mode === 'stream') into.addPasses((await this.#stage.server.report()).passes);
    }
    this.#isSameText &&= texts.size === 1;
  }

  /** Lets the server learn the pass times of the target as it is. Counts nothing. */
  async warmUp(task: DemoTask): Promise<void> {
    const { server, modelDevice } = this.#stage;
    await server.setPace(null);
    for (const mode of ['stream', 'race', 'auto']) await modelDevice.ask({ ...task, mode });
  }

  get measured(): DemoResult {
    return {
      emulated: this.#emulated.comparison,
      asItIs: this.#asItIs.comparison,
      alone: { name: 'device alone', samples: this.#alone },
      isSameText: this.#isSameText,
    };
  }
}

/** A text shorter than this is easily disturbed by other load. */
const shortMs = 500;

/** A long answer, or the median of three short ones, which outvotes a single disturbance. */
async function middle(write: () => Promise<DeviceAnswer>): Promise<DeviceAnswer> {
  const first = await write();
  if (first.statistics.totalMs >= shortMs) return first;
  const all = [first, await write(), await write()];
  return all.sort((a, b) => a.statistics.totalMs - b.statistics.totalMs)[1]!;
}

/** Samples by mode, in the order of the turns. */
class Collected {
  readonly #samples = new Map<Contender, AnswerSample[]>();
  readonly #passesMs: number[] = [];

  add(lane: Contender, sample: AnswerSample): void {
    const before = this.#samples.get(lane) ?? [];
    this.#samples.set(lane, [...before, sample]);
  }

  /** Adds passes of streaming that write one token; prompt passes are longer. */
  addPasses(passes: readonly RecordedPass[]): void {
    for (const { tokenCounts, decodeMs, judgeMs } of passes) {
      if (tokenCounts.every((count) => count === 1)) this.#passesMs.push(decodeMs + judgeMs);
    }
  }

  get comparison(): Comparison {
    const wayOf = (lane: Contender): ContenderSamples => ({
      name: lane.name,
      samples: this.#samples.get(lane)!,
    });
    return { ways: contenderSpecs.map(wayOf), passMs: median(this.#passesMs) };
  }
}

function sampleOf({ statistics }: DeviceAnswer): AnswerSample {
  const { tokenCount, totalMs, testedCount, acceptedCount, verdictCount } = statistics;
  return {
    tokenCount,
    totalMs,
    testedCount,
    acceptedCount,
    verdictCount,
    messageCount: statistics.upMessageCount + statistics.downMessageCount,
    bytes: statistics.upBytes + statistics.downBytes,
  };
}
