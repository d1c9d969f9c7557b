// Checks that the text of an answer is the target's own in every mode, with every drafter, over
// every kind of failing network; that provisional text is marked and corrected; and that nothing is
// left behind.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Mode, Scheme } from '../../protocol/frame.js';
import type { Transcript } from '../../sim/transcript.js';
import { DeviceWorld, request, targetOnly, type WorldOptions } from './device-world.suite.js';
import type { StopRule } from './drafting/stop-rule.js';
import type { GenerateRequest } from './event.js';

function finished(world: DeviceWorld, reported: Transcript): number[] {
  world.run();
  const problem =
    reported.end?.kind === 'failed' ? reported.end.error.message : `at ${world.nowMs} ms`;
  assert.equal(reported.end?.kind, 'ended', problem);
  assert.ok(reported.end.isVerified);
  assert.equal(reported.provisionalCount, 0);
  assert.equal(world.core.answerCount, 0);
  assert.equal(world.drafter.jobCount, 0, 'every slot is freed');
  return reported.tokens.map(({ token }) => token);
}

function answer(options: Partial<WorldOptions>, changes: Partial<GenerateRequest>): number[] {
  const world = new DeviceWorld(options);
  return finished(world, world.generate(0, changes));
}

const equalSchemes = ['greedy', 'coupled'] as const satisfies Scheme[];
const allModes = ['race', 'pipeline', 'stop-and-wait', 'stream'] as const satisfies Mode[];
const stopRules: StopRule[] = [
  { kind: 'fixed', draftLengthMax: 1 },
  { kind: 'fixed', draftLengthMax: 5 },
  { kind: 'adaptive', draftLengthMax: 8 },
  { kind: 'confidence', draftLengthMax: 8, confidenceMin: 0.5 },
  { kind: 'gain', draftLengthMax: 8 },
];

describe('device text', () => {
  for (const scheme of equalSchemes) {
    const alone = targetOnly({ scheme });
    for (const mode of allModes) {
      it(`${scheme} in ${mode} is target-only text with every drafter and stop rule`, () => {
        assert.equal(alone.length, 40);
        for (const drafter of ['engine', 'suffix', 'none'] as const) {
          for (const stopRule of stopRules) {
            for (const divergence of [0, 0.3, 2]) {
              const text = answer({ drafter, draft: { divergence } }, { scheme, mode, stopRule });
              assert.deepEqual(text, alone, `${drafter} ${stopRule.kind} ${divergence}`);
            }
          }
        }
      });
    }
  }

  it('agreement in the modes that offer it draws as many tokens as asked for', () => {
    for (const mode of ['pipeline', 'stop-and-wait', 'stream'] as const) {
      assert.equal(answer({}, { scheme: 'agreement', mode }).length, 40);
    }
  });

  it('ends at the end of the text with the end token, as the target alone does', () => {
    for (const scheme of equalSchemes) {
      const sampling = { ...request.sampling, logitBias: new Map([[1, 1]]) };
      const alone = targetOnly({ scheme, sampling, tokensMax: 200 });
      assert.equal(alone.at(-1), 1);
      for (const mode of allModes) {
        const text = answer({}, { scheme, mode, sampling, tokensMax: 200 });
        assert.deepEqual(text, alone, `${scheme} ${mode}`);
      }
    }
  });

  it('fills the context to its end when the drafter has less of it', () => {
    const target = { contextLength: 30 };
    const alone = targetOnly({ tokensMax: 100 }, target);
    for (const mode of allModes) {
      for (const contextLength of [8, 30, 64]) {
        const world = new DeviceWorld({ target, draft: { contextLength, divergence: 0.3 } });
        const reported = world.generate(0, { mode, tokensMax: 100 });
        assert.deepEqual(finished(world, reported), alone, `${mode} ${contextLength}`);
        assert.equal(reported.end?.kind === 'ended' && reported.end.reason, 'context');
      }
    }
  });

  it('keeps several answers on one connection apart', () => {
    const world = new DeviceWorld({ jitterMs: 15, cuts: [150] });
    const reported = [0, 1, 2].map((id) =>
      world.generate(id, { seed: BigInt(id), mode: allModes[id]! }),
    );
    world.run();
    for (const [id, { tokens }] of reported.entries()) {
      const expected = targetOnly({ seed: BigInt(id) });
      assert.deepEqual(
        tokens.map(({ token }) => token),
        expected,
        `answer ${id}`,
      );
    }
  });
});
