// Writes metrics as Prometheus text. The only file that knows prom-client; metrics come in as plain
// functions. No label grows with devices, keys or prompts.

import { Counter, Gauge, Histogram, Registry } from 'prom-client';

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

export class Metrics {
  readonly #registry = new Registry();
  readonly #buckets: Extract<MetricSource, { kind: 'histogram' }>[] = [];

  /** Adds metrics that are counted elsewhere. */
  add(metrics: readonly MetricSource[]): void {
    for (const fact of metrics) {
      if (fact.kind === 'histogram') this.#buckets.push(fact);
      else this.#addReading(fact);
    }
  }

  #addReading({
    kind,
    name,
    help,
    labels,
    read,
  }: Exclude<MetricSource, { kind: 'histogram' }>): void {
    const settings = {
      ...{ name: metricPrefix + name, help, labelNames: labels ?? [], registers: [this.#registry] },
      collect() {
        metric.reset();
        const reading = read();
        if (typeof reading === 'number') set({}, reading);
        // After a reset alone the gauge would read 0, which was never measured.
        else if (reading.length === 0 && labels === undefined) set({}, Number.NaN);
        else for (const { labels: at, value } of reading) set(at, value);
      },
    };
    const metric = kind === 'counter' ? new Counter(settings) : new Gauge(settings);
    const set = (at: Readonly<Record<string, string>>, value: number): void => {
      if (metric instanceof Gauge) metric.set(at, value);
      else metric.inc(at, value);
    };
  }

  /** A counter that the API itself increments. */
  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    const settings = { name: metricPrefix + name, help, labelNames: labels };
    return new Counter({ ...settings, registers: [this.#registry] });
  }

  /** A histogram that the API itself fills. @param bounds upper bounds in the unit of the name. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const settings = { name: metricPrefix + name, help, buckets: [...bounds] };
    return new Histogram({ ...settings, registers: [this.#registry] });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The page that a scraper reads. */
  async page(): Promise<string> {
    const own = await this.#registry.metrics();
    return [own.trimEnd(), ...this.#buckets.map(bucketText)].join('\n\n').concat('\n');
  }
}

/** Writes a histogram that was counted elsewhere: prom-client can only count itself. */
function bucketText({ name, help, read }: Extract<MetricSource, { kind: 'histogram' }>): string {
  const { bounds, counts, sum } = read();
  const full = metricPrefix + name;
  const lines = [`# HELP ${full} ${help}`, `# TYPE ${full} histogram`];
  let total = 0;
  for (const [index, count] of counts.entries()) {
    total += count;
    const bound = index < bounds.length ? String(bounds[index]) : '+Inf';
    lines.push(`${full}_bucket{le="${bound}"} ${total}`);
  }
  lines.push(`${full}_sum ${sum}`, `${full}_count ${total}`);
  return lines.join('\n');
}
