// Bundles the compiled command and its dependencies into dist/bundle: a few files load faster than
// the 400 that they are made of. Beside them go the licences of the packages in them, and what the
// compiler's record looked like, by which src/cli/main.ts sees that the bundle is current.

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const outdir = 'dist/bundle';

/** The command, and a process of its own that shares most of its code. */
const commands = ['dist/src/cli/start.js', 'dist/src/cli/demo/server-process.js'];
/** A thread and child processes that share nothing in memory: one file each. */
const loners = [
  'dist/src/cli/doctor/engine-probe.js',
  'dist/src/engine/llama/eyes/eyes-child.js',
  'dist/src/engine/llama/probe-child.js',
  'dist/src/engine/llama/worker.js',
  'dist/src/server/eyes/check-thread.js',
  'dist/src/server/preparation/prepare-thread.js',
  'dist/src/api/bodies/read-thread.js',
];

/** Parts of Fastify that are never loaded: the API has no schemas, no logger and no `inject`. */
const unused = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'light-my-request',
  'pino',
];

/** Lets each file find its neighbours from where it is bundled to. */
const places = {
  name: 'places',
  setup: ({ onLoad }) =>
    onLoad({ filter: /dist\/src\/.*\.js$/ }, ({ path }) => {
      const place = `new URL('${relative(outdir, path)}', import.meta.url).href`;
      const contents = readFileSync(path, 'utf8')
        .replace(/new URL\('(.+?)', import\.meta\.url\)/g, (whole, target) =>
          [...commands, ...loners].includes(relative('.', resolve(dirname(path), target)))
            ? `new URL('./${basename(target)}', (import.meta).url)`
            : whole,
        )
        .replaceAll('import.meta.url', place);
      return { contents, loader: 'js' };
    }),
};

/** The licence of each package among the inputs, by name. */
function licences(inputs) {
  const roots = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []);
  return [...new Set(roots)].sort().map((root) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const file = readdirSync(root).find((file) => /^licen[cs]e/i.test(file));
    if (license === undefined && file === undefined) throw new Error(`${root} has no licence`);
    const text = file === undefined ? '' : `\n${readFileSync(join(root, file), 'utf8').trim()}\n`;
    return `${name} ${version}, ${license}\n${text}`;
  });
}

const settings = {
  ...{ outdir, entryNames: '[name]', chunkNames: '[name]-[hash]' },
  ...{ bundle: true, format: 'esm', platform: 'node', target: 'node20', metafile: true },
  ...{ minifyWhitespace: true, lineLimit: 200, legalComments: 'none', logLevel: 'warning' },
  external: ['koffi', 'sharp', ...unused],
  // For the packages that are not ES modules.
  banner: {
    js: `import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);`,
  },
  plugins: [places],
};

/** From before: what is compiled meanwhile is not in the bundle. */
const record = statSync('dist/.src.tsbuildinfo');
rmSync(outdir, { recursive: true, force: true });
const made = await Promise.all([
  build({ ...settings, entryPoints: commands, splitting: true }),
  build({ ...settings, entryPoints: loners }),
]);
const inputs = made.flatMap(({ metafile }) => Object.keys(metafile.inputs));
writeFileSync(join(outdir, 'LICENSES.txt'), licences(inputs).join('\n\n'));
writeFileSync(join(outdir, 'made-of.txt'), `${record.size} ${record.mtimeMs}`);
