// Tests that chat templates render what models were trained on, and explain their errors.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChatMessage } from '../base/chat-message.js';
import { renderChat } from './chat-template.js';
import { scriptedVocabulary } from './scripted-vocabulary.js';

const vocabulary = scriptedVocabulary(16);
const messages: ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello.' },
  { role: 'user', content: 'Bye' },
];

/** The ChatML form that Qwen and many others carry. */
const chatMl =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

describe('chat templates', () => {
  it('renders a template of a model file with its special tokens', () => {
    assert.equal(
      renderChat(chatMl, messages.slice(0, 2), vocabulary),
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    );
    const withTokens = '{{ bos_token }}{{ messages[0].content }}{{ eos_token }}';
    assert.equal(renderChat(withTokens, messages, vocabulary), '<s>Be brief.</s>');
  });

  it('takes the end token that the model names, not the lowest of those that end a text', () => {
    const several = { ...vocabulary, eos: 9, endOfText: new Set([1, 9]) };
    assert.equal(renderChat('{{ eos_token }}', messages, several), vocabulary.tokenText(9));
    const none = { ...vocabulary, bos: null, eos: null, endOfText: new Set<number>() };
    assert.equal(renderChat('[{{ bos_token }}{{ eos_token }}]', messages, none), '[]');
  });

  it('writes a plain script where a model has no template', () => {
    assert.equal(
      renderChat(null, messages, vocabulary),
      'Be brief.\nUser: Hi\nAssistant: Hello.\nUser: Bye\nAssistant:',
    );
  });

  it('passes on what a template raises, and refuses broken templates and empty chats', () => {
    const picky = "{{ raise_exception('roles must alternate') }}";
    assert.throws(() => renderChat(picky, messages, vocabulary), {
      code: 'chat-template-failed',
      message: /roles must alternate/,
    });
    assert.throws(() => renderChat('{% for %}', messages, vocabulary), {
      code: 'chat-template-failed',
    });
    assert.throws(() => renderChat(chatMl, [], vocabulary), { code: 'prompt-empty' });
    const unknown = [{ role: 'judge', content: 'Hi' }];
    assert.throws(() => renderChat(null, unknown, vocabulary), {
      code: 'chat-template-failed',
      message: "role 'judge' is none of system, user, assistant",
    });
  });
});
