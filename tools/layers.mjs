// Keeps data flowing one way: every import is checked against the table below, import cycles are refused, and the
// pure layers are searched for the two clocks and dice that compile without platform types.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Layer -> layers it may import. A folder under a layer may have a row of its own; the longest prefix counts. */
const mayImport = {
  base: [],
  math: ['base'],
  access: ['base'],
  grammar: ['base'],
  protocol: ['base', 'math', 'grammar'],
  engine: ['base', 'math', 'grammar'],
  'engine/gguf': ['base'],
  'engine/kernel': ['base', 'math', 'engine'],
  'engine/llama': ['base', 'math', 'grammar', 'engine', 'engine/kernel', 'engine/gguf'],
  bench: [
    'base',
    'math',
    'grammar',
    'engine',
    'engine/kernel',
    'engine/llama',
    'engine/gguf',
    'local',
  ],
  'bench/loop': [
    'base',
    'math',
    'protocol',
    'engine',
    'engine/llama',
    'local',
    'bench',
    'bench/profiles',
    'server',
    'device',
    'device/core',
    'device/drafter',
  ],
  'bench/trials': [
    'base',
    'math',
    'protocol',
    'engine',
    'access',
    'api',
    'gateway',
    'server',
    'device',
    'sim',
    'bench/loop',
    'bench/report',
  ],
  'bench/report': ['base', 'math', 'bench', 'bench/virtual'],
  'bench/virtual': ['base', 'sim'],
  'bench/profiles': ['base', 'math'],
  'bench/experiments': [
    'base',
    'math',
    'protocol',
    'engine',
    'engine/llama',
    'engine/kernel',
    'engine/gguf',
    'local',
    'server/core',
    'device',
    'device/core',
    'sim',
    'bench',
    'bench/loop',
    'bench/profiles',
    'bench/report',
    'bench/virtual',
  ],
  'bench/gate': [
    'base',
    'math',
    'protocol',
    'sim',
    'bench',
    'bench/api',
    'bench/loop',
    'bench/profiles',
    'bench/report',
  ],
  local: ['base', 'math', 'engine'],
  'device/core': ['base', 'math', 'protocol', 'engine'],
  'device/drafter': ['base', 'math', 'engine', 'device/core'],
  device: ['base', 'math', 'grammar', 'protocol', 'engine', 'device/core', 'device/drafter'],
  'server/core': ['base', 'math', 'protocol', 'engine'],
  server: ['base', 'math', 'grammar', 'protocol', 'engine', 'server/core', 'access'],
  api: ['base', 'math', 'access'],
  gateway: ['base', 'math', 'grammar', 'protocol', 'engine', 'api', 'server', 'device'],
  'bench/api': ['base', 'math', 'engine', 'bench', 'api', 'gateway', 'server', 'access'],
  sim: [
    'base',
    'math',
    'grammar',
    'protocol',
    'engine',
    'server/core',
    'device/core',
    'device/drafter',
  ],
  cli: [
    'base',
    'access',
    'math',
    'grammar',
    'engine',
    'engine/llama',
    'engine/gguf',
    'local',
    'bench',
    'bench/loop',
    'bench/trials',
    'bench/experiments',
    'bench/gate',
    'bench/profiles',
    'bench/report',
    'bench/virtual',
    'server',
    'device',
    'bench/api',
    'protocol',
    'api',
    'gateway',
    'sim',
  ],
};
/** Outside modules with exactly one door. */
const doors = {
  koffi: 'engine/llama/ffi.ts',
  vega: 'bench/report/draw.ts',
  'vega-lite': 'bench/report/draw.ts',
};
const pure = [
  'base',
  'math',
  'grammar',
  'protocol',
  'engine',
  'local',
  'server/core',
  'device/core',
  'device/drafter',
  'sim',
];
const bannedInPure = [/\bDate\.now\b/, /\bMath\.random\b/, /\bnew Date\b/];
const bannedNames = /(^|\/)(utils|helpers|common|misc)(\.|\/)/;

const files = readdirSync('src', { recursive: true })
  .map(String)
  .filter((path) => path.endsWith('.ts') && !path.includes('/assembly/'));
const layerOf = (path) =>
  Object.keys(mayImport)
    .filter((layer) => path.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0];

const complaints = [];
const graph = new Map();
for (const path of files) {
  const text = readFileSync(join('src', path), 'utf8');
  const layer = layerOf(path);
  const isTest = /\.(test|suite)\.ts$/.test(path);
  if (!layer) complaints.push(`${path}: belongs to no layer of the table`);
  if (bannedNames.test(path)) complaints.push(`${path}: name a file after the one thing inside`);
  if (pure.includes(layer) && !isTest) {
    for (const pattern of bannedInPure) {
      if (pattern.test(text))
        complaints.push(`${path}: ${pattern.source} in a pure layer; take it as an argument`);
    }
  }
  const targets = [];
  const imports = text.matchAll(
    /(?:^|\n)\s*(import|export)\s(type\s)?[^'"`;]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g,
  );
  for (const [, , typeOnly, from, dynamic] of imports) {
    const specifier = from ?? dynamic;
    if (doors[specifier] && doors[specifier] !== path) {
      complaints.push(`${path}: only ${doors[specifier]} may import ${specifier}`);
    }
    if (!specifier.startsWith('.')) continue;
    const target = normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts');
    const targetLayer = layerOf(target);
    if (!typeOnly) targets.push(target);
    if (targetLayer !== layer && !mayImport[layer]?.includes(targetLayer) && !isTest) {
      complaints.push(`${path}: ${layer} may not import ${targetLayer} (${specifier})`);
    }
  }
  graph.set(path, targets);
}

const state = new Map();
function visit(path, trail) {
  if (state.get(path) === 'done') return;
  if (state.get(path) === 'open') {
    complaints.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
    return;
  }
  state.set(path, 'open');
  for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
  state.set(path, 'done');
}
for (const path of files) visit(path, []);

for (const complaint of complaints) console.error(complaint);
console.log(`${files.length} files, ${complaints.length} complaints`);
process.exit(complaints.length === 0 ? 0 : 1);
