// The examples that load the bundled models do what they say.

import { it } from 'node:test';
import { examples, needsModel, runExamples } from './examples.suite.js';

it('every example with a model compiles and runs', () => {
  runExamples(examples().filter(needsModel), '.examples-model');
});
