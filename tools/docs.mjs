// Writes the API reference of every subpath to dist/docs. Fails on a public name without a
// docstring, on a type that a public declaration mentions and no subpath exports, and on a link
// that leads nowhere.

import { readFileSync } from 'node:fs';
import { Application, LogLevel } from 'typedoc';

const { exports: subpaths } = JSON.parse(readFileSync('package.json', 'utf8'));
const sources = Object.values(subpaths)
  .filter((path) => path.endsWith('.js'))
  .map((path) => path.replace('./dist/', '').replace(/\.js$/, '.ts'));

const app = await Application.bootstrap({
  entryPoints: sources,
  tsconfig: 'tools/tsconfig.docs.json',
  out: 'dist/docs',
  name: 'Pilotfish',
  readme: 'none',
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  sort: ['kind', 'alphabetical'],
  logLevel: LogLevel.Warn,
  validation: { notDocumented: true, notExported: true, invalidLink: true, rewrittenLink: false },
  requiredToBeDocumented: ['Function', 'Class', 'Interface', 'TypeAlias', 'Variable', 'Method'],
  intentionallyNotExported: [
    // Tables whose keys or entries make a public type; its docstring says them.
    ...['fallbacks', 'cacheTypes', 'flashAttentionModes', 'noiseStreams', 'Brand', 'RefusalCode'],
    // Parts of reports, read by their fields.
    ...['TenantStats', 'PassCost', 'PassTimeError', 'Quantiles', 'WireCounts', 'LoopDelays'],
    'PictureStats',
    // A class of which LocalServer shows two members.
    'PlainSessions',
    // What `SlotConfig` carries from a compiler to an engine, as it is.
    'CompiledSchema',
  ],
});
const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);
await app.generateOutputs(project);
process.exit(app.logger.hasErrors() || app.logger.hasWarnings() ? 1 : 0);
