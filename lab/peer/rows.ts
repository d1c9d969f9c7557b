// Lists the rows of the comparison: which servers stand beside each other, how they are started,
// and what they are asked.

import type { BenchModels } from '../weights/bench-models.js';
import {
  afterStart,
  chatTurns,
  constrained,
  firstTokens,
  oneUser,
  type PeerMeasure,
  type PeerScale,
  users,
  wholeTexts,
} from './measures.js';
import type { PeerSetUp, PeerWay } from './servers.js';

export const peerGroups = [
  'one',
  'users',
  'chats',
  'ttft',
  'speculation',
  'json',
  'start',
] as const;
export type PeerGroup = (typeof peerGroups)[number];
export const peerModels = ['9m-q8_0', '9m-f16', '210m-q8_0'] as const;
export type PeerModel = (typeof peerModels)[number];

export interface PeerCase {
  readonly group: PeerGroup;
  readonly model: PeerModel;
  readonly name: string;
  readonly theirs: PeerWay;
  readonly ours: PeerWay;
  readonly setUp: PeerSetUp;
  /** Each turn has servers of its own. */
  readonly isFresh: boolean;
  readonly measure: PeerMeasure;
}

/** A row's own; the rest is as in `base`. */
type Own = Pick<PeerCase, 'name' | 'measure'> &
  Partial<Pick<PeerCase, 'theirs' | 'ours' | 'isFresh'> & PeerSetUp>;

const plain: PeerWay = { kind: 'llama', flags: [] };
const serve: PeerWay = { kind: 'serve' };
const base = { slots: 1, context: 512, threads: 1, isFirstStart: false } as const;

/** Rows of these groups and models, in order. Models are made on the way. */
export function peerCases(
  { models, ...scale }: PeerScale & { readonly models: BenchModels },
  groups: readonly PeerGroup[],
  wanted: readonly PeerModel[],
): PeerCase[] {
  const paths: Readonly<Record<PeerModel, () => string>> = {
    '9m-q8_0': () => models.longTarget('q8_0'),
    '9m-f16': () => models.longTarget('f16'),
    '210m-q8_0': models.longInflatedTarget,
  };
  return groups.flatMap((group) => {
    const [own, of] = rowsOf[group];
    return own
      .filter((model) => wanted.includes(model))
      .flatMap((model) =>
        of(scale, model === '210m-q8_0', models.draft()).map(
          ({ name, measure, theirs = plain, ours = serve, isFresh = false, ...setUp }) => ({
            ...{ group, model, name, theirs, ours, isFresh, measure },
            setUp: { ...base, ...setUp, modelPath: paths[model]() },
          }),
        ),
      );
  });
}

const small = '9m-q8_0';
const both = [small, '210m-q8_0'] as const;

/** Models and rows of each group. */
const rowsOf: Readonly<
  Record<
    PeerGroup,
    readonly [readonly PeerModel[], (scale: PeerScale, isLarge: boolean, draft: string) => Own[]]
  >
> = {
  one: [
    peerModels,
    (scale, isLarge) =>
      [1, 2].map((threads) => ({
        ...{ name: `${threads} thread${threads === 1 ? '' : 's'}`, threads },
        measure: oneUser(scale, isLarge ? 64 : 400),
      })),
  ],
  users: [
    both,
    (scale, isLarge) =>
      [4, 8, 16].map((slots) => ({
        ...{ name: `${slots} users`, slots },
        measure: users(scale, slots, isLarge ? 32 : 96),
      })),
  ],
  chats: [
    [small],
    (scale) =>
      chatShapes.map(([chats, slots]) => ({
        ...{ name: `${chats} on ${slots}`, slots, isFresh: true },
        measure: chatTurns(scale, chats),
      })),
  ],
  ttft: [both, (scale) => [{ name: 'random ids', context: 2048, measure: firstTokens(scale) }]],
  speculation: [
    ['210m-q8_0'],
    (scale, _, draft) =>
      speculationWays(draft).map((ways) => ({ ...ways, measure: wholeTexts(scale) })),
  ],
  json: [
    both,
    (scale) =>
      Object.entries(schemas).map(([name, schema]) => ({
        ...{ name, measure: constrained(scale, schema) },
      })),
  ],
  start: [
    both,
    (scale) =>
      [true, false].map((isFirstStart) => ({
        ...{ name: isFirstStart ? 'first start' : 'file seen before', isFirstStart },
        ...{ isFresh: true, measure: afterStart(scale) },
      })),
  ],
};

/** Chats, and slots for them. */
const chatShapes = [
  [1, 1],
  [1, 2],
  [2, 2],
  [3, 4],
  [4, 4],
  [4, 8],
  [6, 4],
] as const;

function speculationWays(draft: string) {
  const model = ['--spec-type', 'draft-simple', '--spec-draft-n-max', '3', '-md', draft];
  const sizes = ['--spec-ngram-simple-size-n', '3', '--spec-ngram-simple-size-m', '8'];
  const onServer: PeerWay = { kind: 'llama', flags: [...model, '-td', '1'] };
  const lookUp: PeerWay = { kind: 'llama', flags: ['--spec-type', 'ngram-simple', ...sizes] };
  const race: PeerWay = { kind: 'race', draft };
  return [
    { name: 'draft model, n = 3 | streaming', theirs: onServer, ours: serve },
    { name: 'draft model, n = 3 | race', theirs: onServer, ours: race },
    { name: 'n-gram | streaming', theirs: lookUp, ours: serve },
    { name: 'n-gram | race with n-gram', theirs: lookUp, ours: { kind: 'race', draft: 'ngram' } },
    { name: 'none | race', theirs: plain, ours: race },
  ] as const;
}

const text = { type: 'string', maxLength: 12 };
const object = (properties: Readonly<Record<string, object>>) => ({
  ...{ type: 'object', properties, required: Object.keys(properties) },
  additionalProperties: false,
});
const schemas = {
  person: object({ name: text, age: { type: 'integer', minimum: 0, maximum: 120 } }),
  nested: object({ place: object({ city: text, inside: { type: 'boolean' } }), who: text }),
  pattern: object({ code: { type: 'string', pattern: '^[A-Z]{3}-[0-9]{4}$' }, word: text }),
};
