// Runs one device and one server in virtual time with the bundled models behind both: the same
// texts under every variant, so that variants differ in time and messages and in nothing else.

import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import {
  type Service,
  type ServiceDevice,
  type ServiceFigures,
  simulateService,
} from '../../src/sim/index.js';
import { endlessSampling, storyPrompt } from '../bundled-texts.js';
import type { BenchModels } from '../weights/bench-models.js';
import { constantPass } from './fixture.js';
import { type VirtualExit, VirtualModels } from './virtual-models.js';

interface ModelVariant
  extends Pick<Service, 'scheme' | 'mode' | 'stopRule' | 'passNoise' | 'shaping' | 'isTapped'>,
    Pick<ServiceDevice, 'link' | 'draftMs' | 'rowShare' | 'ahead'> {
  /** Of a pass of the target, whatever its rows. */
  readonly passMs: number;
  readonly law: Partial<Sampling>;
  readonly exit: VirtualExit;
}

export class ModelFixture {
  readonly #models: VirtualModels;
  readonly #prompts: readonly Int32Array[];
  readonly #answerTokens: number;

  /** @param answerTokens of every answer: ends of text are banned. */
  constructor(models: BenchModels, promptCount: number, answerTokens: number) {
    this.#models = new VirtualModels(models.target(), models.draft());
    this.#answerTokens = answerTokens;
    this.#prompts = Array.from({ length: promptCount }, (_, index) =>
      storyPrompt(this.#models.vocabulary, index),
    );
  }

  /** One answer. @param seed chooses the prompt, the text and all that is left to chance. */
  run(variant: ModelVariant, seed: number): ServiceFigures {
    const { passMs, law, exit, link, draftMs, rowShare, ahead, ...service } = variant;
    const models = this.#models;
    const device = {
      ...{ name: 'device', share: 1, draftMs, divergence: 0, link },
      ...(rowShare !== undefined && { rowShare }),
      ...(ahead !== undefined && { ahead }),
    };
    return simulateService(
      {
        ...service,
        deviceCount: 1,
        devices: [device],
        pass: constantPass(passMs),
        slotCount: 1,
        staticBatch: null,
        promptTokens: Math.max(...this.#prompts.map(({ length }) => length)),
        answerTokens: this.#answerTokens,
        ...(exit !== null && { exit: { place: models.placeOf(exit), agreement: 1 } }),
        real: {
          models: models.with(exit),
          prompts: this.#prompts,
          sampling: endlessSampling(models.vocabulary, { ...plainSampling, ...law }),
        },
      },
      seed,
    );
  }

  close(): void {
    this.#models.close();
  }
}
