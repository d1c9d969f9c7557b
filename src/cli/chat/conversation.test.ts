// Checks that a conversation keeps its system message and newest turn, and drops the oldest turns
// first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation } from './conversation.js';

function spoken(turns: number): Conversation {
  const conversation = new Conversation('Be brief.');
  for (let turn = 1; turn <= turns; turn++) {
    conversation.ask({ question: `question ${turn}`, pictures: [Uint8Array.of(turn)] });
    conversation.answer(` answer ${turn} `);
  }
  return conversation;
}
const roles = (conversation: Conversation) => conversation.messages.map(({ role }) => role[0]);

test('messages are the system, the turns in order, and the question that is open', () => {
  const conversation = spoken(1);
  conversation.ask({ question: 'question 2', pictures: [] });
  assert.deepEqual(roles(conversation), ['s', 'u', 'a', 'u']);
  assert.equal(conversation.messages[2]!.content, 'answer 1');
  conversation.system = '';
  assert.deepEqual(roles(conversation), ['u', 'a', 'u']);
});

test('pictures stay with the messages that they came before', () => {
  const conversation = spoken(3);
  const places = () => conversation.pictures.map(({ message, bytes }) => [message, bytes[0]]);
  assert.deepEqual(places(), [
    [1, 1],
    [3, 2],
    [5, 3],
  ]);
  conversation.dropOldest();
  conversation.system = '';
  assert.deepEqual(places(), [
    [0, 2],
    [2, 3],
  ]);
});

test('the oldest turn is dropped, but never the newest', () => {
  const conversation = spoken(2);
  assert.equal(conversation.dropOldest(), true);
  assert.deepEqual(
    conversation.messages.map(({ content }) => content),
    ['Be brief.', 'question 2', 'answer 2'],
  );
  assert.equal(conversation.dropOldest(), false);
});

test('half of the text is dropped when an answer has filled the context', () => {
  const conversation = spoken(4);
  assert.equal(conversation.dropHalf(), 2);
  assert.equal(conversation.turnCount, 2);
  assert.equal(spoken(1).dropHalf(), 0);
});

test('the newest turn can be taken back, and all be forgotten', () => {
  const conversation = spoken(2);
  assert.equal(conversation.takeBack()?.question, 'question 2');
  conversation.clear();
  assert.equal(conversation.takeBack(), null);
  assert.deepEqual(roles(conversation), ['s']);
});
