// Tests which URLs are pictures, and that none is ever fetched.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pictureOfDataUrl } from './data-url.js';
import { pictureLimits } from './picture.js';
import { png } from './png-writer.js';

const base64 = png({}).toString('base64');

test('a data URL gives the bytes of its picture', () => {
  const bytes = new Uint8Array(png({}));
  assert.deepEqual(pictureOfDataUrl(`data:image/png;base64,${base64}`), bytes);
  assert.deepEqual(pictureOfDataUrl(`DATA:image/PNG;base64,${base64}`), bytes);
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['a web address', 'https://example.com/a.png', /never fetched/],
  ['a file', 'file:///etc/passwd', /never fetched/],
  ['an address of the inner network', 'http://169.254.169.254/a', /never fetched/],
  ['a bare path', '/etc/passwd', /not given as data:/],
  ['data without base64', 'data:image/png,%89PNG', /not given as data:/],
  ['letters that base64 lacks', 'data:image/png;base64,@@@@', /not written in base64/],
  ['half a group', `data:image/png;base64,${base64.slice(0, -1)}`, /not written in base64/],
  ['nothing', 'data:image/png;base64,', /has no bytes/],
  ['another label', `data:image/webp;base64,${base64}`, /labelled "image\/webp"/],
  ['a page', `data:text/html;base64,${btoa('<script>')}`, /no PNG/],
  ['too much', `data:image/png;base64,${'A'.repeat(pictureLimits.bytes * 1.5)}`, /more than/],
];
for (const [name, url, why] of refused) {
  test(`${name} is refused`, () => {
    assert.throws(() => pictureOfDataUrl(url), why);
  });
}
