// What a session gains by the drafts it has and expects, in tokens, against the mean of its time.
// Pure. The reference is a session without drafts whose device has just got a correction: its value
// is 0, since every broken chain leads there. See MATH.md, "Verify, draft, hold or step".

import type { DraftArrival, SpeculationSession } from './speculation.js';

/** Prices that all sessions share. */
export interface OutlookPrices {
  /** A pass of steps alone, and one step of the draft model, in milliseconds. */
  readonly passMs: number;
  readonly stepMs: number;
  /** Tokens that the time of one more row is worth. */
  readonly rowPrice: number;
  /** The same of the first row beside a single token, beyond that of a row. */
  readonly severalPrice: number;
}

/** Passes looked ahead; a chain rarely lives longer, and its value is bounded below by 0. */
const depthMax = 6;
/** Chains less likely than this are not followed. */
const chanceMin = 0.03;
/** Beyond any window of drafts. */
const lineMax = 64;
/** Less than the price of any row that is measured. */
const noPrice = 1e-3;

export class DraftOutlook {
  readonly session: SpeculationSession;
  /** Tokens per millisecond of this session: what its own time is worth. */
  readonly rate: number;
  readonly #prices: OutlookPrices;
  /** Drafts of the server's model in a pass without drafts of the device. */
  readonly #usualCount: number;
  /** Drafts in line that are worth their rows: their tokens less the price, chance of all. */
  #count = 0;
  #tokens = 1;
  #chance = 1;
  readonly #suffixTokens: number;
  readonly #model: GeometricDrafts;
  readonly #device: GeometricDrafts;

  constructor(
    session: SpeculationSession,
    rate: number,
    usualCount: number,
    prices: OutlookPrices,
  ) {
    const { arrival, modelChance, modelMax } = session;
    this.session = session;
    this.rate = rate;
    this.#prices = prices;
    this.#usualCount = Math.min(usualCount, modelMax);
    for (const chance of session.chances) {
      if (this.#chance * chance <= prices.rowPrice) break;
      this.#count++;
      this.#chance *= chance;
      this.#tokens += this.#chance - prices.rowPrice;
    }
    this.#suffixTokens = netTokens(session.suffixChances, this.#chance, prices.rowPrice);
    this.#model = new GeometricDrafts(modelChance, modelMax, prices.rowPrice);
    this.#device = new GeometricDrafts(arrival?.chance ?? 0, lineMax, prices.rowPrice);
  }

  /** Chance that all drafts in line stand; 0 where not all are worth their rows. */
  get wholeChance(): number {
    return this.#isWhole ? this.#chance : 0;
  }

  get #isWhole(): boolean {
    return this.#count === this.session.chances.length;
  }

  /**
   * Expected tokens of the next pass less the price of its rows, and the value of the chain that it
   * leaves, if the engine holds and then the server's model drafts. The price of both is not in it.
   */
  value(holdMs: number, modelCount: number): number {
    const { arrival } = this.session;
    const early = arrival?.early;
    const value = this.#valueWith(arrival, holdMs, modelCount);
    if (!arrival || !early) return value;
    const other = this.#valueWith({ ...arrival, ...early }, holdMs, modelCount);
    return early.share * other + (1 - early.share) * value;
  }

  #valueWith(arrival: DraftArrival | null, holdMs: number, modelCount: number): number {
    const { session } = this;
    let tokens = this.#tokens;
    let chance = this.#chance;
    let arrived = 0;
    if (arrival && holdMs > 0 && this.#isWhole) {
      const followed = chance * arrival.followChance;
      arrived = this.#device.countOf(arrivedCount(arrival, holdMs), followed);
      tokens += this.#device.tokensOf(arrived, followed);
      if (arrived > 0) chance = followed * this.#device.chanceOf(arrived);
    }
    const drafted = this.#isWhole ? this.#model.countOf(modelCount, chance) : 0;
    if (drafted > 0) tokens += this.#model.tokensOf(drafted, chance);
    else if (arrived === 0) tokens += this.#suffixTokens;
    const { passMs, stepMs, severalPrice } = this.#prices;
    tokens = Math.max(1, tokens - severalPrice);
    if (!arrival) return tokens;
    // Of places that the pass commits: those of which the device's draft is not in line.
    const used =
      this.#count + arrived + drafted + 1 - (session.chances.length - session.modelCount);
    const unseen = Math.max(0, used - arrived);
    const follow = arrived > 0 ? 1 : arrival.followChance;
    const lasting = chance * follow * this.#device.chanceOf(unseen);
    const atMs = holdMs + passMs + modelCount * stepMs;
    return tokens + lasting * this.#ahead(arrival, { used, atMs, lasting, depth: 0 });
  }

  /** Value of a chain that still stands when a pass begins; never below that of a broken one. */
  #ahead(arrival: DraftArrival, { used, atMs, lasting, depth }: ChainAhead): number {
    if (depth === depthMax || lasting < chanceMin) return 0;
    const { passMs, stepMs, severalPrice } = this.#prices;
    const inLine = Math.max(0, arrivedCount(arrival, atMs) - used);
    const count = this.#device.countOf(inLine, 1);
    const chance = this.#device.chanceOf(count);
    const wanted = count < inLine ? 0 : Math.max(0, this.#usualCount - count);
    const drafted = this.#model.countOf(wanted, chance);
    const more = this.#device.tokensOf(count, 1) + this.#model.tokensOf(drafted, chance);
    const tokens = 1 + Math.max(0, more - severalPrice);
    const ms = passMs + drafted * stepMs;
    const next = chance * this.#device.chanceOf(drafted + 1);
    const later = this.#ahead(arrival, {
      used: used + count + drafted + 1,
      atMs: atMs + ms,
      lasting: lasting * next,
      depth: depth + 1,
    });
    return Math.max(0, tokens - this.rate * ms + next * later);
  }
}

/** A chain that still stands when a pass begins. */
interface ChainAhead {
  /** Drafts on their way whose places are committed by then; negative: left of those in line. */
  readonly used: number;
  readonly atMs: number;
  /** Chance that it lasts so long. */
  readonly lasting: number;
  /** Passes from now. */
  readonly depth: number;
}

/** Drafts that each stand with one chance, given those before. */
class GeometricDrafts {
  readonly #chance: number;
  readonly #rowPrice: number;
  readonly #countMax: number;
  /** [count] chance that so many stand, and the sum of the chances of the first so many. */
  readonly #chances: Float64Array;
  readonly #sums: Float64Array;

  constructor(chance: number, countMax: number, rowPrice: number) {
    this.#chance = chance;
    this.#rowPrice = rowPrice;
    const tooUnlikely = Math.max(rowPrice, noPrice);
    let count = 0;
    for (let power = chance; count < countMax && power > tooUnlikely; power *= chance) count++;
    this.#countMax = count;
    this.#chances = new Float64Array(count + 1);
    this.#sums = new Float64Array(count + 1);
    this.#chances[0] = 1;
    for (let index = 1; index <= count; index++) {
      this.#chances[index] = this.#chances[index - 1]! * chance;
      this.#sums[index] = this.#sums[index - 1]! + this.#chances[index]!;
    }
  }

  /** How many of those offered are worth their rows, if they are reached with this chance. */
  countOf(offered: number, reached: number): number {
    let count = Math.min(offered, this.#countMax);
    while (count > 0 && reached * this.#chances[count]! <= this.#rowPrice) count--;
    return count;
  }

  /** Expected tokens less the price of the rows. */
  tokensOf(count: number, reached: number): number {
    return reached * this.#sums[count]! - count * this.#rowPrice;
  }

  /** Chance that so many stand. */
  chanceOf(count: number): number {
    return this.#chances[count] ?? this.#chance ** count;
  }
}

/** How many of the expected drafts have come after some time. */
export function arrivedCount(arrival: DraftArrival, atMs: number): number {
  const { firstMs, tokenMs, firstCount = 1 } = arrival;
  if (atMs < firstMs) return 0;
  return Math.min(lineMax, firstCount + Math.floor((atMs - firstMs) / Math.max(tokenMs, 1e-3)));
}

/** Tokens of drafts less the price of their rows, as far as each is worth its row. */
function netTokens(chances: readonly number[], reached: number, rowPrice: number): number {
  let tokens = 0;
  let chance = reached;
  for (const next of chances) {
    chance *= next;
    if (chance <= rowPrice) break;
    tokens += chance - rowPrice;
  }
  return tokens;
}
