// Refuses comments of more than 100 columns: the formatter wraps code and leaves comments alone.

import { readdirSync, readFileSync } from 'node:fs';

const columnsMax = 100;

const files = ['src', 'lab', 'examples/robot', 'tools/kernel'].flatMap((house) =>
  readdirSync(house, { recursive: true })
    .map((path) => `${house}/${String(path).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !/\/(generated|node_modules)\//.test(path)),
);

/** Lines that are nothing but comment: { number, line }. */
function* commentLines(text) {
  let isInBlock = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (!isInBlock && /^\s*\/\*/.test(line)) isInBlock = true;
    if (isInBlock || /^\s*\/\//.test(line)) yield { number: index + 1, line };
    if (line.includes('*/')) isInBlock = false;
  }
}

/** An address or a name that no line would hold; directives are one line by nature. */
const isUnbreakable = (line) =>
  /biome-ignore|@ts-expect-error/.test(line) ||
  line.split(/\s+/).some((word) => word.length > columnsMax - 10);

const complaints = files.flatMap((path) =>
  [...commentLines(readFileSync(path, 'utf8'))]
    .filter(({ line }) => line.length > columnsMax && !isUnbreakable(line))
    .map(({ number, line }) => `${path}:${number}: a comment of ${line.length} columns`),
);
for (const complaint of complaints) console.error(complaint);
console.log(`${files.length} files, ${complaints.length} comments above ${columnsMax} columns`);
process.exit(complaints.length === 0 ? 0 : 1);
