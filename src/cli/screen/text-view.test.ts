// Checks that a screen shows the text with marks, and notes on lines of their own. Retracted text
// leaves no trace. A pipe never gets text that could be retracted.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AnswerResult, TokenOrigin } from '../../device/index.js';
import { AnswerDisplay, answerMarks } from '../answers/answer-display.js';
import { Screen } from './screen.suite.js';
import type { OutputStream, Terminal } from './terminal.js';
import { textView } from './text-view.js';

class Pipe implements OutputStream {
  text = '';
  write(text: string): void {
    this.text += text;
  }
}

const verified = { isVerified: true } as AnswerResult;
const unverified = { isVerified: false } as AnswerResult;

function displayOn(
  out: OutputStream,
  err: OutputStream,
  changes: { env?: object; prompt?: string } = {},
) {
  const env = { NO_COLOR: '1', ...changes.env };
  const terminal: Terminal = { out, err, env, signal: new AbortController().signal };
  const legend = answerMarks;
  const view = textView(terminal, { markedPrompt: changes.prompt ?? null, legend });
  const display = new AnswerDisplay(view);
  let position = 5;
  const tell = (origin: TokenOrigin, ...texts: string[]): void => {
    for (const text of texts)
      display.take({ kind: 'token', position: position++, token: 1, text, origin });
  };
  const retract = (from: number): void => {
    position = from;
    display.take({ kind: 'retracted', from, textLength: 0 });
  };
  const confirm = (to: number): void => display.take({ kind: 'confirmed', from: 5, to });
  return { view, display, tell, retract, confirm };
}

describe('a text on a screen', () => {
  it('shows provisional text marked, and rewrites it when it is taken back or verified', () => {
    const screen = new Screen(50, 10);
    const { view, tell, retract, confirm } = displayOn(screen, screen);
    tell('target', 'The old', ' clock');
    tell('provisional', ' struck', ' twelve', ' times');
    assert.equal(screen.text, 'The old clock{? struck twelve times');
    confirm(8);
    assert.equal(screen.text, 'The old clock struck{? twelve times');
    retract(8);
    tell('residual', ' one');
    view.end();
    assert.equal(screen.text, 'The old clock struck one\n');
  });

  it('takes back what went over several lines, and shows no more than can be taken back', () => {
    const words = Array.from({ length: 30 }, (_, index) => ` word${index}`);
    const tall = new Screen(24, 40);
    const short = new Screen(24, 6);
    for (const screen of [tall, short]) {
      const { view, tell, retract } = displayOn(screen, screen);
      tell('target', 'One two');
      tell('provisional', ...words);
      assert.equal(screen.text.includes('word29'), screen === tall);
      assert.equal(screen.text.split('\n').length <= screen.rows, true);
      view.note('news');
      retract(6);
      tell('target', ' three');
      view.end();
    }
    for (const { text } of [tall, short]) {
      assert.equal(text, 'One two\npilotfish: news\n three\n');
    }
  });

  it('puts news on a line of their own and goes on behind them', () => {
    const screen = new Screen(60, 10);
    const { view, tell } = displayOn(screen, screen);
    tell('target', 'The old');
    tell('provisional', ' clock');
    view.note('the server is away');
    tell('provisional', ' struck');
    assert.equal(screen.text, 'The old\npilotfish: the server is away\n{? clock struck');
    view.end();
    assert.equal(screen.text, 'The old\npilotfish: the server is away\n');
  });

  it('is styled by colour where colour is wanted, and every style is closed', () => {
    const screen = new Screen(60, 10);
    const { view, tell } = displayOn(screen, new Pipe(), { env: { NO_COLOR: '' }, prompt: 'Hi' });
    tell('drafted', ' a');
    tell('provisional', ' b');
    view.end();
    const styled = '\u001b[35m\u001b[2m b\u001b[22m\u001b[39m';
    assert.ok(screen.written.includes(styled));
    assert.equal(screen.text, 'Hi a\n');
  });

  it('what was provisional never stays, whatever comes in which order', () => {
    const word = fc.constantFrom(' a', ' bcd', ' efghijk', 'lm', '\n', ' n\no');
    const draft = fc.constantFrom(' Q', ' RSTU', ' VWXYZQR', '\n', 'S\nT');
    const step = fc.oneof(
      fc.record({ kind: fc.constant('target'), texts: fc.array(word, { maxLength: 4 }) }),
      fc.record({ kind: fc.constant('provisional'), texts: fc.array(draft, { maxLength: 9 }) }),
      fc.record({ kind: fc.constant('note'), texts: fc.constant([]) }),
    );
    const property = fc.property(
      fc.array(step, { maxLength: 12 }),
      fc.boolean(),
      (steps, isMarked) => {
        const screen = new Screen(16, 100);
        const { view, tell, retract } = displayOn(screen, screen, isMarked ? { prompt: 'p' } : {});
        const start = screen.text.length;
        const wanted: string[] = [];
        let length = 5;
        for (const { kind, texts } of steps) {
          if (kind === 'note') {
            view.note('*');
            wanted.push('pilotfish:*');
          } else if (kind === 'provisional') tell('provisional', ...texts);
          else {
            retract(length);
            tell('target', ...texts);
            wanted.push(...texts);
            length += texts.length;
          }
        }
        view.end();
        const letters = screen.text.slice(start).replaceAll(/\{=|=\}|\s/g, '');
        assert.equal(letters, wanted.join('').replaceAll(/\s/g, ''));
      },
    );
    fc.assert(property);
  });
});

describe('a text on a pipe', () => {
  it('holds provisional tokens back until they are verified', () => {
    const [out, err] = [new Pipe(), new Pipe()];
    const { view, display, tell, retract, confirm } = displayOn(out, err);
    tell('target', 'The old');
    tell('provisional', ' clock', ' struck', ' twelve');
    assert.equal(out.text, 'The old');
    confirm(8);
    retract(8);
    assert.equal(out.text, 'The old clock struck');
    view.note('the server is back');
    tell('target', ' one.');
    assert.equal(display.end(verified), 0);
    view.end();
    assert.equal(out.text, 'The old clock struck one.\n');
    assert.equal(err.text, 'pilotfish: the server is back\n');
  });

  it('gives what a draft-only answer ended on once, marked where marks were asked for', () => {
    for (const prompt of [undefined, 'P']) {
      const out = new Pipe();
      const parts = prompt === undefined ? {} : { prompt };
      const { view, display, tell } = displayOn(out, new Pipe(), parts);
      tell('drafted', ' a');
      tell('provisional', ' b', ' c');
      assert.equal(display.end(unverified), 2);
      view.end();
      assert.equal(out.text, prompt === undefined ? ' a b c\n' : 'P a{? b c?}\n');
    }
  });

  it('a terminal that is dumb is treated like one, control characters excepted', () => {
    const out = Object.assign(new Pipe(), { isTTY: true });
    const { view, tell } = displayOn(out, out, { env: { TERM: 'dumb' } });
    tell('target', 'a\u001b[2J');
    tell('provisional', ' b');
    view.end();
    assert.equal(out.text, 'a␛[2J\n');
  });
});
