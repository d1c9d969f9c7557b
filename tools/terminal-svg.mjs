// A terminal's screen as an SVG: reads what `tmux capture-pane -p -e` printed, writes a picture of exactly that text.
// Usage: tmux new-session -d -s demo -x 80 -y 100 'npm run demo; sleep 60'   and when it is done
//        tmux capture-pane -p -e -t demo | node tools/terminal-svg.mjs 'npm run demo' > docs/demo.svg
//   The argument is the title and, behind a $, the first line.

import { readFileSync } from 'node:fs';

const cell = { width: 8.4, height: 18, size: 14 };
const margin = { x: 16, top: 44, bottom: 16 };
const colours = {
  background: '#16181d',
  bar: '#23262e',
  text: '#d7dae0',
  31: '#e06c75',
  32: '#8ccf7e',
  33: '#e5c76b',
  34: '#6cb0f0',
  35: '#c792ea',
  36: '#67d4d0',
};

const plain = { colour: colours.text, bold: false, dim: false, struck: false };

/** The look after one SGR number; those that are not in use here are refused, so that nothing is lost in silence. */
function after(look, code) {
  if (code === 0) return plain;
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 9) return { ...look, struck: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 29) return { ...look, struck: false };
  // The default background is ours.
  if (code === 49) return look;
  if (code === 39) return { ...look, colour: colours.text };
  if (colours[code] !== undefined) return { ...look, colour: colours[code] };
  throw new Error(`SGR ${code} is not known here`);
}

/** Runs of one look in a line, each with its column; `look` is carried from line to line. */
function runsOf(line, start) {
  const runs = [];
  let [look, column] = [start, 0];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it reads
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith('\u001b[')) {
      for (const code of part.slice(2, -1).split(';')) look = after(look, Number(code));
    } else if (part !== '') {
      if (part.trim() !== '') runs.push({ column, text: part, look });
      column += part.length;
    }
  }
  return { runs, look };
}

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Spaces at a run's ends are left out, and its width is said, so that columns align in whatever font there is. */
function textOf({ column, text, look }, row) {
  const from = column + text.length - text.trimStart().length;
  const shown = text.trim();
  const attributes = [
    `x="${(margin.x + from * cell.width).toFixed(1)}"`,
    `y="${margin.top + row * cell.height + cell.size}"`,
    `textLength="${(shown.length * cell.width).toFixed(1)}"`,
    ...(look.colour === colours.text ? [] : [`fill="${look.colour}"`]),
    ...(look.bold ? ['font-weight="bold"'] : []),
    ...(look.dim ? ['opacity="0.6"'] : []),
    ...(look.struck ? ['text-decoration="line-through"'] : []),
  ];
  return `<text ${attributes.join(' ')}>${escaped(shown)}</text>`;
}

function svgOf(lines, title) {
  const texts = [];
  let look = plain;
  for (const [row, line] of lines.entries()) {
    const found = runsOf(line, look);
    look = found.look;
    texts.push(...found.runs.map((run) => textOf(run, row)));
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it reads
  const bare = lines.map((line) => line.replace(/\u001b\[[\d;]*m/g, '').trimEnd().length);
  const width = Math.ceil(2 * margin.x + Math.max(...bare) * cell.width);
  const height = margin.top + lines.length * cell.height + margin.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)} in a terminal">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${colours.background}"/>`,
    `<path d="M0 30V8a8 8 0 0 1 8-8h${width - 16}a8 8 0 0 1 8 8v22z" fill="${colours.bar}"/>`,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="${cell.size}" fill="${colours.text}" xml:space="preserve">`,
    `<text x="${margin.x}" y="20" opacity="0.7">${escaped(title)}</text>`,
    ...texts,
    '</g>',
    '</svg>',
  ].join('\n');
}

const title = process.argv[2];
if (title === undefined) {
  console.error('usage: tmux capture-pane -p -e | node tools/terminal-svg.mjs TITLE > FILE.svg');
  process.exit(2);
}
const captured = readFileSync(0, 'utf8').trimEnd().split('\n');
console.log(svgOf([`$ ${title}`, ...captured], title));
