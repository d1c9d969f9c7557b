// `pilotfish chat`: a conversation with the server's model, drafted here. Flags are those of `run`; what a person can say
// besides messages is in chat/session.ts.

import type { Command } from 'commander';
import { PilotfishError } from '../base/error.js';
import { connect } from '../device/index.js';
import { LinkReport } from './answers/link-report.js';
import { LineInput } from './chat/line-input.js';
import { type ChatOptions, ChatSession } from './chat/session.js';
import { schemeOf } from './flags/draft-flags.js';
import { flag } from './flags/flags.js';
import { addLinkFlags, checkLinkFlags, connectOptions, loadDrafter } from './flags/link-flags.js';
import { addSamplingFlags, drawSeed, usualLaw } from './flags/sampling-flags.js';
import { stopFlag } from './flags/text-flags.js';
import { visible } from './screen/render.js';
import type { Terminal } from './screen/terminal.js';
import { noteTo } from './screen/text-view.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Talks with the model of a server, with a draft model on this machine. The server puts the messages into the form that its model was taught; a model that was taught none gets them as a script of User and Assistant, and an answer then ends before the next "User:".

  pilotfish chat
  pilotfish chat --server edge.local:7433 -md hf:user/repo/draft.gguf --system "Be brief."
  printf 'Hello\\nAnd then?\\n' | pilotfish chat > answers.txt

Ctrl-C stops an answer, not the program: Ctrl-D, or Ctrl-C twice at the prompt, leaves. /help lists commands. A message may have several lines: end a line with \\, or put the message between lines of """. When the context is full, the oldest turns are forgotten, and that is said; the system message stays.

Through a pipe every line is a message, and stdout carries the answers alone; the first that fails ends the command.`;

const maxTokensDefault = 512;

export function addChat(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = program.command('chat').summary('talk with the model of a server');
  command
    .description(description)
    .addOption(
      flag('--system <text>', 'system message before the conversation').default('', 'none'),
    )
    .addOption(stopFlag())
    .addOption(flag('--show-draft', 'mark every token by where it came from'))
    .addOption(flag('--stats', 'numbers behind each answer'));
  addLinkFlags(command);
  addSamplingFlags(command, usualLaw, maxTokensDefault);
  command.action(async () => {
    const options = command.opts<ChatOptions>();
    schemeOf(options);
    checkLinkFlags(options, command);
    exit(await chat(options, terminal));
  });
}

async function chat(options: ChatOptions, terminal: Terminal): Promise<number> {
  if (terminal.in === undefined) throw new PilotfishError('usage', 'there is no input to read');
  const loadedDrafter = await loadDrafter(options, 1, terminal);
  try {
    const drafts = loadedDrafter.name.kind === 'model';
    const policy = { ...options, drafts, asksInMessages: true };
    const report = new LinkReport(policy, terminal.signal, noteTo(terminal));
    const client = await connect(connectOptions(options, loadedDrafter, report, terminal));
    const input = new LineInput(terminal);
    try {
      const seed = options.seed ?? drawSeed();
      const session = new ChatSession({
        options,
        terminal,
        client,
        drafting: loadedDrafter,
        input,
        seed,
      });
      report.redirect((text) => session.note(text));
      if (input.isKeyboard) terminal.err.write(`${greeting(client.modelName)}\n`);
      return await session.run();
    } finally {
      input.close();
      await client.close();
    }
  } finally {
    await loadedDrafter.engine.close();
  }
}

const greeting = (modelName: string | null): string =>
  `${visible(modelName ?? 'no server yet', 'all')}; /help lists commands, Ctrl-D leaves`;
