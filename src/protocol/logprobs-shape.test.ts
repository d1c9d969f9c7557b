// Checks that impossible log-probabilities are refused, each with the code of what is wrong.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { decodeServerFrame } from './codec.js';
import { FrameSchema } from './generated/pilotfish_pb.js';

type Init = NonNullable<MessageInitShape<typeof FrameSchema>['kind']>;

/** 'ok', or code and message. */
function answerTo(change: object): string {
  const kind = { case: 'verdict', value: { tokens: [1], ...change } } as Init;
  const decoded = decodeServerFrame(toBinary(FrameSchema, create(FrameSchema, { kind })));
  return 'ok' in decoded ? 'ok' : `${decoded.fault.code}: ${decoded.fault.message}`;
}
const ofToken = (values: number[], top: number[] = []): string =>
  answerTo({ logprobs: [{ values, top }] });

describe('log-probabilities', () => {
  it('are numbers from -Infinity, which is none, to 0', () => {
    for (const value of [0, -0.5, -80]) assert.equal(ofToken([value]), 'ok');
    for (const value of [0.5, -Infinity, Number.NaN]) {
      assert.match(ofToken([value]), /^law-invalid/, `${value}`);
    }
  });

  it('of a token are its own and one for each of the likeliest', () => {
    assert.equal(ofToken([-1, -2, -3], [4, 5]), 'ok');
    for (const [values, top] of [
      [[], []],
      [[-1], [4]],
      [
        [-1, -2],
        [4, 5],
      ],
      [[-1, -2], []],
      [[-1, -2, -3], [4]],
    ] as const) {
      assert.match(ofToken([...values], [...top]), /^frame-malformed/, `${values}; ${top}`);
    }
  });

  it('of a law come with one', () => {
    const lawLogprobs = { values: [-1], top: [] };
    assert.match(answerTo({ lawLogprobs }), /^frame-malformed: log-probabilities of no law/);
    const law = { case: 'wholeLaw', value: { probs: [1] } };
    assert.equal(answerTo({ lawLogprobs, law }), 'ok');
  });
});

describe('confidences of a hint', () => {
  it('are in [0, 1]', () => {
    const hint = (confidence: number): Init => ({
      case: 'hint',
      value: { candidates: [1], confidences: [confidence] },
    });
    const codeOf = (confidence: number): string => {
      const frame = create(FrameSchema, { kind: hint(confidence) });
      const decoded = decodeServerFrame(toBinary(FrameSchema, frame));
      return 'ok' in decoded ? 'ok' : decoded.fault.code;
    };
    for (const confidence of [0, 0.5, 1]) assert.equal(codeOf(confidence), 'ok');
    for (const confidence of [-0.5, 1.5, Number.NaN]) {
      assert.equal(codeOf(confidence), 'law-invalid', `${confidence}`);
    }
  });
});
