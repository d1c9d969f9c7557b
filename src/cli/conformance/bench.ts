// Holds what the checks of a server share: how to connect, what the server offers, and the texts
// that it writes alone.

import { schemeTraits } from '../../math/scheme.js';
import type { Mode, Scheme, Welcome } from '../../protocol/frame.js';
import { needs } from './conformance-check.js';
import { ProbeLine, type ProbeOptions } from './probe.js';
import { ProbeSession, plainOpen } from './probe-session.js';

export class ServerBench {
  readonly #url: string;
  readonly #options: ProbeOptions;
  readonly #texts = new Map<Scheme, Promise<readonly number[]>>();
  readonly #probes: ProbeLine[] = [];
  #welcome: Promise<Welcome> | null = null;

  constructor(url: string, options: ProbeOptions) {
    this.#url = url;
    this.#options = options;
  }

  get hasKey(): boolean {
    return this.#options.key !== undefined;
  }

  /** A connection without a greeting. @param changes such as no key. */
  async connect(changes: Partial<ProbeOptions> = {}): Promise<ProbeLine> {
    const probe = await ProbeLine.connect(this.#url, { ...this.#options, ...changes });
    this.#probes.push(probe);
    return probe;
  }

  /** A connection without the key. */
  connectUnknown(): Promise<ProbeLine> {
    const { key: _key, ...rest } = this.#options;
    return ProbeLine.connect(this.#url, rest);
  }

  /** A connection that is ready. */
  async greeted(): Promise<ProbeLine> {
    const probe = await this.connect();
    await probe.greet();
    return probe;
  }

  welcome(): Promise<Welcome> {
    this.#welcome ??= this.connect().then((probe) => probe.greet());
    return this.#welcome;
  }

  /** @throws NotApplicable where the server does not offer them. */
  async offers(scheme: Scheme, mode: Mode): Promise<void> {
    const { schemes, modes } = await this.welcome();
    needs(schemes.includes(scheme), `the server does not offer scheme ${scheme}`);
    needs(modes.includes(mode), `the server does not offer mode ${mode}`);
  }

  /** The answer that the target writes alone under a scheme: its tokens. */
  text(scheme: Scheme): Promise<readonly number[]> {
    const known = this.#texts.get(scheme) ?? this.#write(scheme);
    this.#texts.set(scheme, known);
    return known;
  }

  async #write(scheme: Scheme): Promise<readonly number[]> {
    await this.offers(scheme, 'stream');
    const session = await ProbeSession.begin(await this.greeted(), openingOf(scheme));
    while (session.end === null) await session.verdict();
    return session.answer;
  }

  /** Leaves all connections of a check. */
  leave(): void {
    for (const probe of this.#probes.splice(0)) probe.close();
  }
}

/**
 * The Open of a scheme in mode stream. Under a ratio test the texts of two sessions differ; from a
 * sharp law they do so rarely, and drafts of the one are accepted in the other.
 */
export function openingOf(scheme: Scheme): Pick<typeof plainOpen, 'scheme' | 'sampling'> {
  const { sampling } = plainOpen;
  const sharp = schemeTraits[scheme].test === 'ratio' ? 0.3 : 1;
  const temperature = scheme === 'greedy' ? 0 : sharp;
  return { scheme, sampling: { ...sampling, temperature } };
}
