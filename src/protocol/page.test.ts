// Compares PROTOCOL.md with the code: every example and every table on the page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { frameShapes } from './codec.js';
import type { FrameKind } from './frame.js';
import { resumeKeyBytes } from './limits.js';
import { exampleOf, pageRows, vectorsOf } from './page.suite.js';
import { tokenLogHash } from './token-log-hash.js';
import { subprotocol, versionMax } from './version.js';

/** Tests run in the root of the repository. */
const page = readFileSync('PROTOCOL.md', 'utf8');

/** Text under a heading, to the next heading of any level. */
function under(heading: string): string {
  const from = page.search(new RegExp(`^#+ ${heading}$`, 'm'));
  assert.ok(from >= 0, `no heading ${heading}`);
  const rest = page.slice(page.indexOf('\n', from));
  const end = rest.search(/^#+ /m);
  return end < 0 ? rest : rest.slice(0, end);
}

const headingOf = (kind: FrameKind): string =>
  kind.replace(/(^|-)(.)/g, (_match, _dash, letter: string) => letter.toUpperCase());

describe('PROTOCOL.md', () => {
  for (const kind of Object.keys(frameShapes) as FrameKind[]) {
    it(`shows the golden vectors of ${kind}, and nothing else in hex`, () => {
      const shown = [...under(headingOf(kind)).matchAll(/^Example, .*\n```hex\n[^`]*```/gm)];
      assert.deepEqual(
        shown.map(([text]) => text),
        vectorsOf(kind).map(exampleOf),
      );
    });
  }

  const sections = { limits: 'Limits', codes: 'Codes', states: 'States of a session' } as const;
  for (const [name, heading] of Object.entries(sections)) {
    it(`has the table of ${name} that the code has`, () => {
      const rows = under(heading)
        .split('\n')
        .filter((line) => line.startsWith('|'));
      assert.deepEqual(rows, pageRows[name as keyof typeof sections]);
    });
  }

  it('shows hex nowhere else', () => {
    const blocks = page.match(/```hex/g)?.length;
    const kinds = Object.keys(frameShapes) as FrameKind[];
    assert.equal(blocks, kinds.flatMap(vectorsOf).length);
  });

  it('names the version, the subprotocol and the hash that the code has', () => {
    assert.ok(page.includes(`version ${versionMax}.`));
    assert.ok(page.includes(`subprotocol \`${subprotocol}\``));
    assert.ok(page.includes(`${resumeKeyBytes} bytes`));
    const hash = tokenLogHash(Int32Array.of(1, 9038, 2501)).toString(16);
    assert.ok(page.includes(`Of the ids 1, 9038, 2501: 0x${hash}.`));
  });

  it('gives the sizes that frames have', () => {
    const sizeOf = (kind: FrameKind, start: string): number =>
      vectorsOf(kind).find(({ title }) => title.startsWith(start))!.hex.length / 2;
    const draft = sizeOf('draft', 'four tokens');
    const verdict = sizeOf('verdict', 'three of four');
    const step = sizeOf('verdict', 'race');
    assert.deepEqual([draft, verdict, step], [17, 22, 11]);
    assert.ok(page.includes(`A draft of four ids takes ${draft} bytes`));
    assert.ok(page.replaceAll('\n', ' ').includes(`its verdict ${verdict} (${verdict - 2} where`));
    assert.ok(page.replaceAll('\n', ' ').includes(`the server stepped alone ${step}.`));
  });

  it('keeps its prose within 120 columns', () => {
    const long = page.split('\n').filter((line) => line.length > 120 && !line.startsWith('|'));
    assert.deepEqual(long, []);
  });
});
