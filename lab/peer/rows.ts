// Lists the rows of the comparison: how the servers are started, what they are asked, and which
// figures are read.

import { storyPrompts } from '../../src/cli/demo/openings.js';
import { noiseKey, uniform } from '../../src/math/noise.js';
import { draftPath } from '../weights/bench-models.js';
import type { PeerSetUp, PeerWay } from './servers.js';
import { figures, firstTokens, type PeerAsk, type PeerFigures } from './work.js';

interface Row extends PeerSetUp {
  readonly name: string;
  readonly theirs: PeerWay;
  readonly ours: PeerWay;
  /** Of users or chats. */
  readonly count: number;
  readonly schema: object | null;
}

/** Where a row says nothing else. */
const plain: Omit<Row, 'name'> = {
  theirs: { kind: 'llama', flags: [] },
  ours: { kind: 'serve', flags: [] },
  ...{ slots: 1, context: 512, threads: 1, isFirstStart: false, count: 1, schema: null },
};

interface Turn {
  readonly seed: number;
  readonly turn: number;
  readonly isQuick: boolean;
}

interface RowGroup {
  readonly models: readonly PeerModel[];
  readonly rows: readonly (Pick<Row, 'name'> & Partial<Row>)[];
  /** By user. */
  readonly asks: (turn: Turn, row: Row, isLarge: boolean) => PeerAsk[][];
  readonly figures: PeerFigures;
  /** Each turn has servers of its own. */
  readonly isFresh?: boolean;
}

const [small, half, large] = ['9m-q8_0', '9m-f16', '210m-q8_0'] as const;
export const peerModels = [small, half, large] as const;
export type PeerModel = (typeof peerModels)[number];

const range = <One>(count: number, of: (index: number) => One): One[] =>
  Array.from({ length: count }, (_, index) => of(index));

const opening = ({ seed, turn }: Turn, index: number): string =>
  storyPrompts[(seed + (turn + 1) * 5 + index) % storyPrompts.length]!;

const stories = (turn: Turn, count: number, own: Omit<PeerAsk, 'prompt'>): PeerAsk[][] => [
  range(count, (at) => ({ prompt: opening(turn, at), ...own })),
];

/** Ids that no other text begins with. */
function randomIds({ seed }: Turn, text: number, count: number): number[] {
  const key = noiseKey(BigInt(seed), 'draft');
  return range(count, (at) => 3 + Math.floor(4000 * uniform(key, text, at)));
}

const promptLengths = [8, 160, 24, 80, 40, 120];

/** Prompts arrive while others decode. */
function userAsks(turn: Turn, count: number, tokensMax: number): PeerAsk[][] {
  const rounds = turn.isQuick ? 1 : 4;
  return range(count, (user) =>
    range(rounds, (round) => {
      const text = ((turn.turn + 1) * rounds + round) * count + user;
      const length = promptLengths[(user + round) % promptLengths.length]!;
      return { prompt: randomIds(turn, text, length), tokensMax };
    }),
  );
}

const later = 'first token of turns 2 to 5, ms';

/** Chats take turns; each repeats its text so far, the answers too, and adds a sentence. */
const chatAsks = (turn: Turn, count: number): PeerAsk[] =>
  range(5 * count, (index) => {
    const [chat, round] = [index % count, Math.floor(index / count)];
    const prompt: PeerAsk['prompt'] = (before) =>
      range(round, (past) => past).reduce(
        (text, past) =>
          `${text}${before[past * count + chat]!.text} ${opening(turn, chat + 7 * (past + 1))}`,
        opening(turn, chat),
      );
    return { prompt, tokensMax: 16, ...(round > 0 && { kind: later }) };
  });

/** The same questions again, so that the answers repeat what the server has written. */
const repeatAsks = (turn: Turn): PeerAsk[] =>
  range(6, (index) => ({ prompt: opening(turn, index % 2), tokensMax: turn.isQuick ? 32 : 96 }));

const repeated = '10 tokens, 5 as before, ms';
/** Figure, length of the prompts and their count. */
const lengthsAsked = [
  ['10 tokens, ms', 10, 12],
  ['200 tokens, ms', 200, 6],
  ['1500 tokens, ms', 1500, 1],
  [repeated, 5, 12],
] as const;

function lengthAsks(turn: Turn): PeerAsk[] {
  let text = 100 * (turn.turn + 1);
  const begun = randomIds(turn, text++, 5);
  const ask = (kind: string, length: number): PeerAsk => {
    const ids = randomIds(turn, text++, length);
    return { prompt: kind === repeated ? [...begun, ...ids] : ids, tokensMax: 2, kind };
  };
  return lengthsAsked.flatMap(([kind, length, count]) => {
    const asks = range(turn.isQuick ? Math.ceil(count / 4) : count, () => ask(kind, length));
    // The first of these has nothing to repeat yet.
    return kind === repeated ? [{ ...ask(kind, length), kind: 'first' }, ...asks] : asks;
  });
}

/** llama.cpp's draft model beside its target. @param count drafted in each round. */
const draftModel = (count: number): PeerWay => ({
  kind: 'llama',
  flags: [
    ...['--spec-type', 'draft-simple', '--spec-draft-n-max', `${count}`],
    ...['-md', draftPath, '-td', '1'],
  ],
});
const lookUp = (kind: string): PeerWay => ({ kind: 'llama', flags: ['--spec-type', kind] });
const draftHere: PeerWay = { kind: 'serve', flags: ['--draft', `suffix,${draftPath}`, '-td', '1'] };
const device: PeerWay = { kind: 'device', flags: ['-md', draftPath, '-t', '1'] };
/** Lengths around the best one, which is the same for a user and for several. */
const draftLengths = [2, 3, 4];

const text = { type: 'string', maxLength: 12 };
const object = (properties: Readonly<Record<string, object>>) => ({
  ...{ type: 'object', properties, required: Object.keys(properties) },
  additionalProperties: false,
});
const age = { type: 'integer', minimum: 0, maximum: 120 };
const place = object({ city: text, inside: { type: 'boolean' } });
const code = { type: 'string', pattern: '^[A-Z]{3}-[0-9]{4}$' };

const rowGroups = {
  one: {
    models: peerModels,
    rows: [{ name: '1 thread' }, { name: '2 threads', threads: 2 }],
    asks: (turn, _, isLarge) =>
      stories(turn, 2, { tokensMax: (isLarge ? 64 : 400) / (turn.isQuick ? 4 : 1) }),
    figures: { ...figures.decoding, ...figures.processorTime },
  },
  users: {
    models: [small, large],
    rows: [4, 8, 16].map((count) => ({ name: `${count} users`, slots: count, count })),
    asks: (turn, { count }, isLarge) => userAsks(turn, count, isLarge ? 32 : 96),
    figures: figures.crowd,
  },
  chats: {
    models: [small],
    rows: [
      { name: '1 on 1', count: 1, slots: 1 },
      { name: '1 on 2', count: 1, slots: 2 },
      { name: '2 on 2', count: 2, slots: 2 },
      { name: '3 on 4', count: 3, slots: 4 },
      { name: '4 on 4', count: 4, slots: 4 },
      { name: '4 on 8', count: 4, slots: 8 },
      { name: '6 on 4', count: 6, slots: 4 },
    ],
    asks: (turn, { count }) => [chatAsks(turn, count)],
    figures: { ...figures.reuse, ...firstTokens([later]) },
    isFresh: true,
  },
  ttft: {
    models: [small, large],
    rows: [{ name: 'random ids', context: 2048 }],
    asks: (turn) => [lengthAsks(turn)],
    figures: firstTokens(lengthsAsked.map(([kind]) => kind)),
  },
  speculation: {
    models: [large],
    rows: [
      ...[1, 4, 16].flatMap((count) =>
        draftLengths.map((length) => ({
          name: `draft model, n = ${length} | draft model, ${count} ${count === 1 ? 'user' : 'users'}`,
          ...{ theirs: draftModel(length), ours: draftHere, count, slots: count },
        })),
      ),
      { name: 'draft model, n = 3 | device', theirs: draftModel(3), ours: device },
      { name: 'none | device', ours: device },
    ],
    asks: (turn, { count }) =>
      stories(turn, 3 * count, { tokensMax: turn.isQuick ? 32 : 64 }).flatMap((all) =>
        range(count, (user) => all.slice(3 * user, 3 * user + 3)),
      ),
    figures: figures.crowd,
  },
  repeats: {
    models: [large],
    rows: [
      ...['ngram-simple', 'ngram-map-k', 'ngram-mod'].map((kind) => ({
        ...{ name: `${kind} | suffix`, theirs: lookUp(kind), context: 1024 },
      })),
    ],
    asks: (turn) => [repeatAsks(turn)],
    figures: figures.wholeAnswers,
  },
  json: {
    models: [small, large],
    rows: [
      { name: 'person', schema: object({ name: text, age }) },
      { name: 'nested', schema: object({ place, who: text }) },
      { name: 'pattern', schema: object({ code, word: text }) },
    ],
    asks: (turn, { schema }) => stories(turn, turn.isQuick ? 2 : 6, { tokensMax: 160, schema }),
    figures: figures.decoding,
  },
  start: {
    models: [small, large],
    rows: [{ name: 'first start', isFirstStart: true }, { name: 'file seen before' }],
    asks: (turn) => stories(turn, 3, { tokensMax: 16 }),
    figures: figures.starting,
    isFresh: true,
  },
} as const satisfies Readonly<Record<string, RowGroup>>;

export type PeerGroup = keyof typeof rowGroups;
export const peerGroups = Object.keys(rowGroups) as PeerGroup[];
export type PeerCase = ReturnType<typeof peerCases>[number];

/** Rows of these groups and models, in order. */
export const peerCases = (groups: readonly PeerGroup[], wanted: readonly PeerModel[]) =>
  groups.flatMap((group) => {
    const { models, rows, asks, ...read }: RowGroup = rowGroups[group];
    return models
      .filter((model) => wanted.includes(model))
      .flatMap((model) =>
        rows.map((own) => {
          const row: Row = { ...plain, ...own };
          const asksOf = (turn: Turn) => asks(turn, row, model === large);
          return { isFresh: false, ...row, ...read, group, model, asks: asksOf };
        }),
      );
  });
