// Runs the suite of row arithmetic over the reference.

import { referenceRowMath } from './row-math.js';
import { rowMathContract } from './row-math.suite.js';

rowMathContract('reference', referenceRowMath);
