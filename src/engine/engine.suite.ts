// Tests the contract of every engine, over each implementation. Texts are compared as token ids
// under `greedy` and `coupled`, so any wrong cache entry changes them.

import { after, before, describe } from 'node:test';
import { alternativesContract } from './alternatives.suite.js';
import { draftContract } from './draft-contract.suite.js';
import { EngineFixture, type MakeEngine } from './engine-fixture.suite.js';
import { imageContract } from './image-contract.suite.js';
import { lawContract } from './law-contract.suite.js';
import { passContract } from './pass-contract.suite.js';
import { refusalContract } from './refusal-contract.suite.js';
import { vocabularyContract } from './vocabulary-contract.suite.js';

export function engineContract(name: string, make: MakeEngine): void {
  describe(`engine contract: ${name}`, () => {
    const fixture = new EngineFixture(make);
    before(() => fixture.start());
    after(() => fixture.engine.close());
    passContract(fixture);
    lawContract(fixture);
    draftContract(fixture);
    vocabularyContract(fixture);
    refusalContract(fixture);
    alternativesContract(fixture);
    imageContract(fixture);
  });
}
