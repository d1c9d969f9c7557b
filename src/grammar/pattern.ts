// Compiles `pattern` of strings: the regular part of ECMAScript's expressions, read as Unicode.
// Refuses constructs that are not regular (look-around, back references). Runs as an automaton,
// never by backtracking.

import { complement, everyPoint, type PointRange, union } from './code-points.js';
import { choice, type Expression, empty, later, repeat, sequence, shared } from './expression.js';
import { grammarLimits } from './grammar-limits.js';
import { characterIn } from './json-text.js';
import { type Located, refuseSchema } from './schema-document.js';

/** The content of a string that the pattern matches somewhere, in JSON's spelling. */
export function patternText({ path }: Located, pattern: unknown): Expression {
  if (typeof pattern !== 'string') throw refuseSchema(`${path}/pattern`, 'not a text');
  return new PatternReader(pattern, `${path}/pattern`).whole();
}

const digits: readonly PointRange[] = [[0x30, 0x39]];
const words: readonly PointRange[] = [...digits, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const spaces: readonly PointRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
/** Characters that a dot does not match. */
const lineEnds: readonly PointRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

const anyInLine = complement(lineEnds);

const classEscapes: ReadonlyMap<string, readonly PointRange[]> = new Map([
  ['d', digits],
  ['D', complement(digits)],
  ['w', words],
  ['W', complement(words)],
  ['s', spaces],
  ['S', complement(spaces)],
]);
const controlEscapes: ReadonlyMap<string, number> = new Map([
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['f', 0x0c],
  ['v', 0x0b],
  ['0', 0x00],
]);

class PatternReader {
  readonly #letters: readonly string[];
  readonly #path: string;
  /** By their ranges. */
  readonly #sets = new Map<string, Expression>();
  #at = 0;
  #depth = 0;

  constructor(pattern: string, path: string) {
    this.#letters = Array.from(pattern);
    this.#path = path;
  }

  /**
   * Alternatives of the whole pattern, each with its own anchors; without an anchor, any text may
   * come there.
   */
  whole(): Expression {
    const options = [this.#anchored()];
    while (this.#take('|')) options.push(this.#anchored());
    if (this.#at < this.#letters.length)
      throw this.#refuse(`${this.#letters[this.#at]} has no beginning`);
    return choice(...options);
  }

  #anchored(): Expression {
    const anything = repeat(this.#among(everyPoint), 0, Infinity);
    const before = this.#take('^') ? empty : anything;
    const middle = this.#parts();
    return sequence(before, middle, this.#take('$') ? empty : anything);
  }

  #alternatives(): Expression {
    const options = [this.#parts()];
    while (this.#take('|')) options.push(this.#parts());
    return choice(...options);
  }

  #parts(): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#letters.length && !['|', ')', '$'].includes(this.#letters[this.#at]!)) {
      parts.push(this.#quantified(this.#atom()));
    }
    return sequence(...parts);
  }

  #atom(): Expression {
    if (this.#take('(')) return this.#group();
    if (this.#take('[')) return this.#among(this.#class());
    if (this.#take('.')) return this.#among(anyInLine);
    const letter = this.#letters[this.#at]!;
    if (letter !== '\\' && '^*+?{}]'.includes(letter)) {
      throw this.#refuse(`${letter} is not supported here`);
    }
    const [first, ...others] = this.#character();
    const isOne = others.length === 0 && first![0] === first![1];
    return isOne ? characterIn([first!]) : this.#among([first!, ...others]);
  }

  /** One character of a set. A set may take hundreds of nodes and occur in thousands of places. */
  #among(ranges: readonly PointRange[]): Expression {
    const key = ranges.join();
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const made = shared(later(() => characterIn(ranges)));
    this.#sets.set(key, made);
    return made;
  }

  #group(): Expression {
    if (this.#take('?') && !this.#take(':'))
      throw this.#refuse('look-around and names are not supported');
    if (++this.#depth > grammarLimits.depth) throw this.#refuse('nested too deep');
    const inside = this.#alternatives();
    this.#depth--;
    if (!this.#take(')')) throw this.#refuse('a group has no end');
    return inside;
  }

  #quantified(part: Expression): Expression {
    const [min, max] = this.#quantifier();
    // A lazy quantifier changes the order of matches, not the set.
    if (min !== 1 || max !== 1) this.#take('?');
    return min === 1 && max === 1 ? part : repeat(part, min, max);
  }

  #quantifier(): readonly [min: number, max: number] {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    if (!this.#take('{')) return [1, 1];
    const min = this.#count();
    const max = !this.#take(',') ? min : this.#letters[this.#at] === '}' ? Infinity : this.#count();
    if (!this.#take('}') || min > max) throw this.#refuse('a quantifier is malformed');
    return [min, max];
  }

  #count(): number {
    const from = this.#at;
    while (/^[0-9]$/.test(this.#letters[this.#at] ?? '')) this.#at++;
    const count = Number(this.#letters.slice(from, this.#at).join(''));
    if (this.#at > from && count <= grammarLimits.nodes) return count;
    throw this.#refuse('a quantifier is malformed or too large');
  }

  /** Reads from after the opening bracket to the closing one. */
  #class(): readonly PointRange[] {
    const isNegated = this.#take('^');
    const ranges: PointRange[] = [];
    while (!this.#take(']')) {
      const low = this.#character();
      const isRange = this.#letters[this.#at] === '-' && this.#letters[this.#at + 1] !== ']';
      if (!isRange) {
        ranges.push(...low);
        continue;
      }
      this.#at++;
      ranges.push(this.#rangeOf(low, this.#character()));
    }
    return isNegated ? complement(ranges) : union(ranges);
  }

  #rangeOf(low: readonly PointRange[], high: readonly PointRange[]): PointRange {
    const [from, last] = [low[0]![0], high[0]![1]];
    const areSingle = [low, high].every((one) => one.length === 1 && one[0]![0] === one[0]![1]);
    if (!areSingle || from > last) throw this.#refuse('a range of characters is malformed');
    return [from, last];
  }

  /** One character or escape. */
  #character(): readonly PointRange[] {
    const letter = this.#next();
    return letter === '\\' ? this.#escape() : pointOf(letter.codePointAt(0)!);
  }

  #escape(): readonly PointRange[] {
    const letter = this.#next();
    const ranges = classEscapes.get(letter);
    if (ranges !== undefined) return ranges;
    const control = controlEscapes.get(letter);
    if (control !== undefined) return pointOf(control);
    if (letter === 'x') return pointOf(this.#hex(2));
    if (letter === 'u') return pointOf(this.#take('{') ? this.#braced() : this.#hex(4));
    if (/^[0-9A-Za-z]$/.test(letter)) throw this.#refuse(`\\${letter} is not supported`);
    return pointOf(letter.codePointAt(0)!);
  }

  #hex(count: number): number {
    const text = this.#letters.slice(this.#at, this.#at + count).join('');
    if (!/^[0-9a-fA-F]+$/.test(text) || text.length !== count)
      throw this.#refuse('an escape is malformed');
    this.#at += count;
    return Number.parseInt(text, 16);
  }

  #braced(): number {
    const end = this.#letters.indexOf('}', this.#at);
    const code = end < 0 || end - this.#at > 6 ? Number.NaN : this.#hex(end - this.#at);
    if (!this.#take('}') || code > 0x10ffff) throw this.#refuse('an escape is malformed');
    return code;
  }

  #next(): string {
    const letter = this.#letters[this.#at++];
    if (letter === undefined) throw this.#refuse('it ends too early');
    return letter;
  }

  #take(letter: string): boolean {
    if (this.#letters[this.#at] !== letter) return false;
    this.#at++;
    return true;
  }

  #refuse(complaint: string): Error {
    return refuseSchema(this.#path, `${complaint} (at character ${this.#at})`);
  }
}

const pointOf = (code: number): readonly PointRange[] => [[code, code]];
