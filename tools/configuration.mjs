// Writes docs/configuration.md from the command definitions, as they were last built.
// Usage: npm run build && node tools/configuration.mjs

import { writeFileSync } from 'node:fs';
import { configurationPage } from '../dist/src/cli/configuration-page.suite.js';

writeFileSync('docs/configuration.md', await configurationPage());
