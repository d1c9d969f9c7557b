// Compares the codec's own tables with the published schema, message by message and field by field.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DescEnum, DescMessage } from '@bufbuild/protobuf';
import { frameShapes } from './codec.js';
import * as device from './device-shapes.js';
import { endReasons, modes, schemes } from './frame.js';
import * as generated from './generated/pilotfish_pb.js';
import { cutLawMessage, lawMessage } from './law-shape.js';
import { logprobsMessage } from './logprobs-shape.js';
import { paddingNumber } from './padding.js';
import { samplingMessage } from './sampling-shape.js';
import * as server from './server-shapes.js';
import type { Message } from './wire-message.js';

/** Our table of a message -> the schema's. */
const inner: readonly (readonly [Message<unknown>, DescMessage])[] = [
  [device.tokenIds, generated.TokenIdsSchema],
  [device.chatMessage, generated.ChatMessageSchema],
  [device.chatMessages, generated.ChatMessagesSchema],
  [device.pictureRef, generated.PictureRefSchema],
  [samplingMessage, generated.SamplingSchema],
  [lawMessage, generated.LawSchema],
  [cutLawMessage, generated.CutLawSchema],
  [logprobsMessage, generated.LogprobsSchema],
  [server.offeredLimits, generated.LimitsSchema],
  [server.sourceCounts, generated.SourceCountsSchema],
  [server.imageSpan, generated.ImageSpanSchema],
  [server.pictureWant, generated.PictureWantSchema],
  [server.vocabularyBlock, generated.VocabularyBlockSchema],
] as const;

/** Property name -> field numbers, oneofs under the name of the oneof. */
function numbersOf(schema: DescMessage): Record<string, number[]> {
  const numbers: Record<string, number[]> = {};
  for (const member of schema.members) {
    numbers[member.localName] =
      member.kind === 'oneof' ? member.fields.map((field) => field.number) : [member.number];
  }
  return numbers;
}

const numbersOfOurs = (message: Message<unknown>): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries<{ values: ReadonlyMap<number, unknown> }>(message.fields).map(
      ([name, { values }]) => [name, [...values.keys()]],
    ),
  );

/** All kinds of a Frame; padding is a field of its own. */
const kinds = generated.FrameSchema.fields.filter(({ number }) => number !== paddingNumber);

const pascal = (kind: string): string =>
  kind.replace(/(^|-)(.)/g, (_match, _dash, letter: string) => letter.toUpperCase());

describe('the tables of the codec', () => {
  it('have the kinds of the schema under their numbers', () => {
    const ours = Object.entries(frameShapes).map(([kind, { number }]) => [pascal(kind), number]);
    const theirs = kinds.map((field) => [field.message?.name, field.number]);
    const byNumber = (a: unknown[], b: unknown[]): number => Number(a[1]) - Number(b[1]);
    assert.deepEqual(ours.sort(byNumber), theirs.sort(byNumber));
  });

  it('have every field of the schema under its name and number, in rising order', () => {
    const frames = kinds.map((field) => {
      const { message } = Object.values(frameShapes).find(({ number }) => number === field.number)!;
      return [message, field.message!] as const;
    });
    for (const [message, schema] of [...frames, ...inner]) {
      const ours = numbersOfOurs(message);
      assert.deepEqual(ours, numbersOf(schema), schema.name);
      const order = Object.values(ours).flat();
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
        schema.name,
      );
    }
  });

  it('leave no message of the schema out', () => {
    const frames = kinds.map((field) => field.message!.name);
    const known = ['Frame', ...frames, ...inner.map(([, schema]) => schema.name)];
    assert.deepEqual(
      known.sort(),
      generated.file_pilotfish.messages.map((message) => message.name).sort(),
    );
  });

  it('number words as the enums do', () => {
    const names = (words: readonly string[], prefix: string): string[] => [
      `${prefix}_UNSPECIFIED`,
      ...words.map((word) => `${prefix}_${word.toUpperCase().replaceAll('-', '_')}`),
    ];
    const valuesOf = (schema: DescEnum): string[] => {
      assert.ok(schema.values.every((value, index) => value.number === index));
      return schema.values.map((value) => value.name);
    };
    assert.deepEqual(valuesOf(generated.SchemeSchema), names(schemes, 'SCHEME'));
    assert.deepEqual(valuesOf(generated.ModeSchema), names(modes, 'MODE'));
    assert.deepEqual(valuesOf(generated.EndReasonSchema), names(endReasons, 'END_REASON'));
  });
});
