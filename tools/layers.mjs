// Keeps data flowing one way: checks every import against the table below, refuses import cycles
// (type-only ones too), guards outside modules that have one door, and searches the pure layers for
// clocks and dice. Refuses a name that two files export: one name has one meaning.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/**
 * Layer -> layers it may import. A folder under a layer may have a row of its own; the longest
 * prefix counts.
 */
const product = {
  base: [],
  math: ['base'],
  access: ['base'],
  threads: ['base'],
  pictures: ['base'],
  grammar: ['base', 'math'],
  protocol: ['base', 'math', 'grammar'],
  engine: ['base', 'math', 'grammar'],
  'engine/gguf': ['base'],
  'engine/kernel': ['base', 'math', 'engine'],
  'engine/llama': ['base', 'math', 'grammar', 'engine', 'engine/kernel', 'engine/gguf'],
  'engine/local': ['base', 'math', 'engine'],
  'server/core': ['base', 'math', 'protocol', 'engine'],
  server: [
    'base',
    'math',
    'grammar',
    'protocol',
    'engine',
    'server/core',
    'access',
    'threads',
    'pictures',
  ],
  'device/core': ['base', 'math', 'protocol', 'engine'],
  'device/drafter': ['base', 'math', 'engine', 'device/core'],
  device: [
    'base',
    'math',
    'pictures',
    'grammar',
    'protocol',
    'engine',
    'device/core',
    'device/drafter',
  ],
  api: ['base', 'math', 'access', 'threads', 'pictures'],
  'api/backends': ['base', 'math', 'grammar', 'protocol', 'engine', 'api', 'server', 'device'],
  sim: [
    'base',
    'math',
    'grammar',
    'protocol',
    'engine',
    'server/core',
    'device/core',
    'device/drafter',
    'sim/profiles',
  ],
  'sim/profiles': ['base', 'math'],
};
const productLayers = Object.keys(product);
product.cli = productLayers;
/** src/index.ts, what `import 'pilotfish'` gives; no room imports it. */
product.index = productLayers;
/** The workshop: may use all of the product; the product may use none of it. */
const lab = {
  'lab/report': ['lab', 'lab/weights'],
  'lab/virtual': [],
  'lab/weights': ['lab'],
  'lab/loop': ['lab'],
  'lab/api': ['lab', 'lab/loop'],
  'lab/engine': ['lab', 'lab/loop', 'lab/weights'],
  'lab/experiments': ['lab', 'lab/engine', 'lab/loop', 'lab/report', 'lab/virtual', 'lab/weights'],
  'lab/gate': ['lab', 'lab/api', 'lab/engine', 'lab/loop', 'lab/report', 'lab/weights'],
  'lab/peer': ['lab', 'lab/report', 'lab/weights'],
  'lab/trials': ['lab', 'lab/loop', 'lab/report'],
  lab: [],
};
for (const layers of Object.values(lab)) layers.push('cli', ...productLayers);
lab['lab/cli'] = [...Object.keys(lab), 'cli', ...productLayers];

/** Examples use what users have; the workshop measures one of them, and the product none. */
const examples = { 'examples/robot': ['cli', ...productLayers] };
lab['lab/experiments'].push(...Object.keys(examples));

const mayImport = { ...product, ...lab, ...examples };
/** Outside modules, and the files (or folders, ending in /) that alone may import them. */
const doors = {
  koffi: ['src/engine/llama/ffi/'],
  sharp: ['src/pictures/decode-picture.ts', 'src/pictures/drawn.suite.ts'],
  fastify: ['src/api/http-api.ts'],
  'prom-client': ['src/api/metrics.ts'],
  commander: ['src/cli/', 'lab/cli/'],
  zod: ['src/api/', 'lab/gate/baseline-file.ts', 'lab/report/', 'lab/json-file.ts'],
  ws: [
    'src/device/websocket-dialer.ts',
    'src/server/websocket-listener.ts',
    'src/cli/conformance/scripted-listener.ts',
    'lab/loop/echo.ts',
    'lab/trials/',
  ],
  '@huggingface/hub': ['src/cli/hub/', 'src/cli/doctor/gather-hub.ts'],
  '@huggingface/jinja': ['src/engine/chat-template.ts'],
  vega: ['lab/report/draw.ts'],
  'vega-lite': ['lab/report/draw.ts'],
};
const pure = [
  'base',
  'math',
  'grammar',
  'protocol',
  'engine',
  'engine/local',
  'server/core',
  'device/core',
  'device/drafter',
  'sim',
  'sim/profiles',
];
const bannedInPure = [/\bDate\.now\b/, /\bMath\.random\b/, /\bnew Date\b/];
const bannedNames = /(^|\/)(utils|helpers|common|misc)(\.|\/)/;
const linesMax = 400;

const filesOf = (house) =>
  readdirSync(house, { recursive: true })
    .map((path) => `${house}/${String(path).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts'));
const files = [...filesOf('src'), ...filesOf('lab'), ...filesOf('examples/robot')];
const isTest = (path) => /\.(test|suite)\.ts$/.test(path);

function layerOf(path) {
  const room = path.replace(/^src\//, '');
  if (/^src\/[^/]+$/.test(path)) return 'index';
  return Object.keys(mayImport)
    .filter((layer) => room.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** A command stands on its own: nothing but the program imports it. */
const program = 'src/cli/program.ts';
const commands = [...readFileSync(program, 'utf8').matchAll(/import\('\.\/(.+)\.js'\)/g)].map(
  ([, name]) => `src/cli/${name}.ts`,
);

const isGuest = (path, hosts) =>
  hosts.some((host) => (host.endsWith('/') ? path.startsWith(host) : path === host));

/** Names that a text declares at top level and exports, there or in a list at its end. */
function exportedNames(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
  const declared = [...code.matchAll(declaredIn)].map(([, isExported, name]) => ({
    isExported: isExported !== undefined,
    name,
  }));
  const names = new Set(declared.filter(({ isExported }) => isExported).map(({ name }) => name));
  for (const [, list] of code.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}\s*;/gm)) {
    for (const part of list.split(',')) {
      const [local, other] = part
        .trim()
        .replace(/^type\s+/, '')
        .split(/\s+as\s+/);
      // What is passed on from an import is declared elsewhere.
      if (declared.some(({ name }) => name === local)) names.add(other ?? local);
    }
  }
  return names;
}
const declaredIn =
  /^(export\s+)?(?:declare\s+)?(?:default\s+)?(?:abstract\s+)?(?:async\s+)?(?:class|interface|type|(?:const\s+)?enum|function\s*\*?|const|let|var)\s+([\w$]+)/gm;

const complaints = [];
/** Exported name -> files that declare it. */
const declarations = new Map();
/** File -> files it imports, for values or for types. */
const graph = new Map();
const importsIn =
  /(?:^|\n)\s*(?:import|export)\s(?:type\s)?[^'"`;]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g;

for (const path of files) {
  const text = readFileSync(path, 'utf8');
  const layer = layerOf(path);
  if (!layer) complaints.push(`${path}: belongs to no layer of the table`);
  if (bannedNames.test(path)) complaints.push(`${path}: name a file after the one thing inside`);
  if (pure.includes(layer) && !isTest(path)) {
    for (const pattern of bannedInPure) {
      if (pattern.test(text))
        complaints.push(`${path}: ${pattern.source} in a pure layer; take it as an argument`);
    }
  }
  const lines = text.split('\n').length - 1;
  if (lines > linesMax && !isTest(path) && !path.includes('/generated/'))
    complaints.push(`${path}: ${lines} lines; a file holds one thing, in at most ${linesMax}`);
  if (!isTest(path) && !path.includes('/generated/')) {
    for (const name of exportedNames(text))
      declarations.set(name, [...(declarations.get(name) ?? []), path]);
  }
  const targets = [];
  for (const [, from, dynamic] of text.matchAll(importsIn)) {
    const specifier = from ?? dynamic;
    const hosts = doors[specifier];
    if (hosts && !isGuest(path, hosts) && !isTest(path))
      complaints.push(`${path}: only ${hosts.join(', ')} may import ${specifier}`);
    if (!specifier.startsWith('.')) continue;
    const target = normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts');
    targets.push(target);
    if (commands.includes(target) && path !== program && !isTest(path))
      complaints.push(`${path}: a command may not be imported (${specifier})`);
    if (path.startsWith('src/') && !target.startsWith('src/'))
      complaints.push(`${path}: the product may not import ${target.split('/')[0]} (${specifier})`);
    const targetLayer = layerOf(target);
    if (targetLayer !== layer && !mayImport[layer]?.includes(targetLayer) && !isTest(path))
      complaints.push(`${path}: ${layer} may not import ${targetLayer} (${specifier})`);
  }
  // A file that is started by path instead of imported.
  if (path.startsWith('src/') && /\bnew URL\(\s*['"`][^'"`]*\blab\//.test(text))
    complaints.push(`${path}: the product may not start the lab`);
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
for (const path of files) if (!isTest(path)) visit(path, []);

for (const [name, places] of declarations) {
  if (places.length > 1) complaints.push(`${name} is exported by ${places.join(' and ')}`);
}

for (const complaint of complaints) console.error(complaint);
console.log(`${files.length} files, ${complaints.length} complaints`);
process.exit(complaints.length === 0 ? 0 : 1);
