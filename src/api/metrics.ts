// Counts, and writes metrics as Prometheus text, format 0.0.4. Most metrics come in as plain
// functions. No label grows with devices, keys or prompts.

const metricPrefix = 'pilotfish_';

/** One number, or several that differ in a label with few values. */
export type MetricSample =
  | number
  | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

/** Buckets that were counted elsewhere. */
export interface Buckets {
  /** [n] upper bounds, rising; the last bucket holds larger values. */
  readonly bounds: readonly number[];
  /** [n + 1] values in each bucket alone. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A metric that is read at each scrape. Names have no prefix and are in base units. */
export type MetricSource =
  | {
      readonly kind: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly labels?: readonly string[];
      readonly read: () => MetricSample;
    }
  | {
      readonly kind: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly read: () => Buckets;
    };

type Labels = Readonly<Record<string, string>>;

/** A count that the API itself keeps, for each combination of its labels. */
class Counter {
  readonly #counts = new Map<string, { readonly labels: Labels; value: number }>();

  /** @param labels always the same names, in the same order. */
  add(count: number, labels: Labels = {}): void {
    const key = JSON.stringify(labels);
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { labels, value: count });
    else known.value += count;
  }

  get samples(): MetricSample {
    return [...this.#counts.values()];
  }
}

/** Buckets that the API itself fills. */
class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds [n] upper bounds, rising, in the unit of the name. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const index = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[index === -1 ? this.#bounds.length : index]! += 1;
    this.#sum += value;
  }

  get buckets(): Buckets {
    return { bounds: this.#bounds, counts: this.#counts, sum: this.#sum };
  }
}

export class Metrics {
  readonly #sources: MetricSource[] = [];
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';

  /** Adds metrics that are counted elsewhere. */
  add(metrics: readonly MetricSource[]): void {
    this.#sources.push(...metrics);
  }

  /** A counter that the API itself increments. */
  counter(name: string, help: string, labels?: readonly string[]): Counter {
    const counter = new Counter();
    // With labels there is nothing to show before the first count.
    if (labels === undefined) counter.add(0);
    const read = (): MetricSample => counter.samples;
    this.add([{ kind: 'counter', name, help, ...(labels && { labels }), read }]);
    return counter;
  }

  /** A histogram that the API itself fills. @param bounds upper bounds in the unit of the name. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const histogram = new Histogram(bounds);
    this.add([{ kind: 'histogram', name, help, read: () => histogram.buckets }]);
    return histogram;
  }

  /** The page that a scraper reads. */
  page(): string {
    return this.#sources.map(textOf).join('\n\n').concat('\n');
  }
}

function textOf(source: MetricSource): string {
  const name = metricPrefix + source.name;
  const lines = [`# HELP ${name} ${escaped(source.help)}`, `# TYPE ${name} ${source.kind}`];
  const values =
    source.kind === 'histogram' ? bucketLines(name, source) : sampleLines(name, source);
  return [...lines, ...values].join('\n');
}

type Reading = Exclude<MetricSource, { kind: 'histogram' }>;

function sampleLines(name: string, { labels, read }: Reading): string[] {
  const reading = read();
  if (typeof reading === 'number') return [`${name} ${numberText(reading)}`];
  // 0 was never measured.
  if (reading.length === 0 && labels === undefined) return [`${name} ${numberText(Number.NaN)}`];
  return reading.map(({ labels: at, value }) => `${name}${labelText(at)} ${numberText(value)}`);
}

function bucketLines(name: string, source: Exclude<MetricSource, Reading>): string[] {
  const { bounds, counts, sum } = source.read();
  let total = 0;
  const lines = counts.map((count, index) => {
    total += count;
    const le = numberText(bounds[index] ?? Number.POSITIVE_INFINITY);
    return `${name}_bucket${labelText({ le })} ${total}`;
  });
  return [...lines, `${name}_sum ${numberText(sum)}`, `${name}_count ${total}`];
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`,
  );
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
