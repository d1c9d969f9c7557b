// Tests that pictures keep their places through a chat template, whatever users write.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { renderChat } from '../../engine/chat-template.js';
import { scriptedVocabulary } from '../../engine/scripted-vocabulary.js';
import { PictureMarks } from './picture-marks.js';

const bytes = new Uint8Array(0);
const vocabulary = scriptedVocabulary(16);
const user = (content: string) => ({ role: 'user', content });
const plain = "{% for m in messages %}{{ m['content'] }}{{ '\n' }}{% endfor %}";

const cut = (
  template: string | null,
  contents: readonly string[],
  places: readonly (readonly [message: number, at: number])[],
) => {
  const marks = new PictureMarks();
  const pictures = places.map(([message, at]) => ({ message, at, bytes }));
  const messages = marks.placed(contents.map(user), pictures);
  return marks.cut(renderChat(template, messages, vocabulary), places.length);
};

describe('the marks of pictures', () => {
  it('cut the rendered text where the pictures stand, in their order', () => {
    const places = [
      [1, 3],
      [0, 0],
      [0, 2],
      [1, 3],
      [1, 0],
    ] as const;
    assert.deepEqual(cut(plain, ['ab', 'cde'], places), {
      texts: ['', 'ab', '\n', 'cde', '', '\n'],
      order: [1, 2, 4, 0, 3],
    });
    assert.deepEqual(cut(null, ['ab'], [[0, 1]]).texts, ['User: a', 'b\nAssistant:']);
  });

  it('leave every other letter as it is', () => {
    const content = fc.string({ unit: 'binary', maxLength: 12 });
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 3 }), fc.nat(), (contents, salt) => {
        const message = salt % contents.length;
        const letters = [...contents[message]!];
        const at = letters.slice(0, salt % (letters.length + 1)).join('').length;
        const { texts } = cut(plain, contents, [[message, at]]);
        assert.equal(texts.join(''), renderChat(plain, contents.map(user), vocabulary));
        assert.ok(texts[0]!.endsWith(contents[message]!.slice(0, at)));
      }),
    );
  });

  it('are another for each prompt, so that no user writes one', () => {
    const picture = { message: 0, at: 0, bytes };
    const [one, other] = [0, 1].map(() => new PictureMarks().placed([user('')], [picture]));
    const written = one![0]!.content;
    assert.notEqual(written, other![0]!.content);
    assert.deepEqual(cut(plain, [`${written}a`], [[0, 0]]).texts, ['', `${written}a\n`]);
  });

  it('are refused outside a message, and within a letter', () => {
    for (const place of [
      [0, 3],
      [1, 0],
      [-1, 0],
      [0, -1],
      [0, 0.5],
      [2 ** 40, 0],
    ] as const) {
      assert.throws(() => cut(plain, ['ab'], [place]), { code: 'picture-invalid' });
    }
    assert.throws(() => cut(plain, ['\u{1F600}'], [[0, 1]]), { code: 'picture-invalid' });
    assert.equal(cut(plain, ['\u{1F600}'], [[0, 2]]).texts.length, 2);
  });

  it('are refused where the template drops, repeats or spoils one', () => {
    const refused = { code: 'chat-template-failed', message: /shows \d pictures of 1/ };
    for (const template of [
      'nothing',
      `${plain}${plain}`,
      "{{ messages[0]['content'] | replace(':', '') }}",
      "{{ messages[0]['content'] | replace(':0;', ':7;') }}",
      "{{ messages[0]['content'] | replace(';', '') }}",
    ]) {
      assert.throws(() => cut(template, ['ab'], [[0, 1]]), refused);
    }
  });
});
