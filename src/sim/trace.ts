// Writes a run as lines for a person to read: who said what to whom and when. Never part of a run.

import type { AnswerEffect } from '../device/core/event.js';
import type { DeviceFrame, ServerFrame } from '../protocol/frame.js';
import type { Fault } from './fault-plan.js';
import type { ObservedDevice, ObservedServer } from './observed.js';
import type { Observer } from './observer.js';
import type { SimAnswer } from './sim-answer.js';
import type { Answered } from './sim-engine.js';

const words = (tokens: Iterable<number>): string => [...tokens].join(' ');

/** @param now virtual time. @param write takes one line, without its break. */
export function traceTo(write: (line: string) => void, now: () => number): Observer {
  const say = (who: string, what: string): void =>
    write(`${now().toFixed(2).padStart(10)}  ${who.padEnd(10)}  ${what}`);
  const device = ({ index }: { readonly index: number }): string => `device ${index}`;
  const server = ({ index }: { readonly index: number }): string => `server ${index}`;
  return {
    onAsk: (answer: SimAnswer) => say(device({ index: answer.device }), `asks ${askOf(answer)}`),
    onTell: (answer: SimAnswer, effect: AnswerEffect) =>
      say(device({ index: answer.device }), `tells ${answer.ask.id}: ${newsOf(effect)}`),
    onLoss: (answer: SimAnswer) => say(device({ index: answer.device }), `loses ${answer.ask.id}`),
    onSent: (from: ObservedDevice, frame: DeviceFrame) =>
      say(device(from), `-> ${frameText(frame)}`),
    onUp: (to: ObservedServer, frame: DeviceFrame, index: number) =>
      say(server(to), `   hears of device ${index}: ${frameText(frame)}`),
    onDown: (to: ObservedDevice, frame: ServerFrame) => say(device(to), `<- ${frameText(frame)}`),
    onAnswered: (at: ObservedServer, answered: Answered) =>
      say(server(at), operationText(answered)),
    onServerStart: (at: ObservedServer) => say(server(at), 'starts'),
    onServerCrash: (at: ObservedServer) => say(server(at), 'CRASHES'),
    onDeviceCrash: (at: ObservedDevice) => say(device(at), 'CRASHES'),
    onLink: (at: ObservedDevice, isUp: boolean, reason: string) =>
      say(device(at), isUp ? 'link up' : `link down: ${reason}`),
    onFault: (fault: Fault, isFelt: boolean) =>
      say('fault', `${faultText(fault)}${isFelt ? '' : ', without effect'}`),
  };
}

function askOf({ ask }: SimAnswer): string {
  const { scheme, mode, tokensMax, prompt, fallback } = ask.request;
  const length = prompt.kind === 'ids' ? prompt.ids.length : 0;
  return `${ask.id}: ${scheme}, ${mode}, ${fallback}, prompt of ${length}, at most ${tokensMax} tokens`;
}

function newsOf(effect: AnswerEffect): string {
  switch (effect.kind) {
    case 'prompt':
      return `prompt of ${effect.promptLength}`;
    case 'tokens': {
      const [first] = effect.tokens;
      const reported = effect.tokens.map(({ token, origin }) => `${token}${origin[0]}`).join(' ');
      return `from ${first?.position}: ${reported}`;
    }
    case 'confirmed':
      return `confirmed [${effect.from}, ${effect.to})`;
    case 'retracted':
      return `retracted from ${effect.from}`;
    case 'ended':
      return `ended, ${effect.reason}${effect.isVerified ? '' : ', unverified'}`;
    case 'failed':
      return `failed, ${effect.error.code}: ${effect.error.message}`;
  }
}

function frameText(frame: DeviceFrame | ServerFrame): string {
  switch (frame.kind) {
    case 'draft': {
      const { session, epoch, from, ids, residual, more } = frame;
      const extra = `${residual === null ? '' : ` residual ${residual}`}${more ? ' more' : ''}`;
      return `draft ${session}: epoch ${epoch} from ${from}: ${words(ids)}${extra}`;
    }
    case 'verdict': {
      const { session, epoch, from, tokens, acceptedCount, rejectedCount, end, law } = frame;
      const counts = `+${acceptedCount} -${rejectedCount}`;
      const extra = `${law === null ? '' : ` law ${law.kind}`}${end === null ? '' : ` end ${end}`}`;
      return `verdict ${session}: epoch ${epoch} from ${from}: ${words(tokens)} ${counts}${extra}`;
    }
    case 'resumed':
      return `resumed ${frame.session}: epoch ${frame.epoch} from ${frame.from}: ${words(frame.tokens)}`;
    case 'resume':
      return `resume ${frame.session}: committed ${frame.committedLength}`;
    case 'open':
      return `open ${frame.session}: answer of ${frame.answer.length}`;
    case 'failure':
      return `failure ${frame.session}: ${frame.code}: ${frame.message}`;
    default:
      return 'session' in frame ? `${frame.kind} ${frame.session}` : frame.kind;
  }
}

function operationText({ operation, event, isInjected }: Answered): string {
  const outcome =
    event.kind === 'failed'
      ? ` FAILS${isInjected ? '' : ' without a fault'}: ${event.message}`
      : '';
  if (operation.kind !== 'pass') {
    const slot = operation.kind === 'copy-prefix' ? operation.to : operation.slot;
    const length = 'length' in operation ? ` to ${operation.length}` : '';
    const kept = 'keptLength' in operation ? ` from ${operation.keptLength}` : '';
    const seed = 'config' in operation ? ` for seed ${operation.config.seed & 0xffffffffn}` : '';
    return `${operation.kind} slot ${slot}${length}${kept}${seed}${outcome}`;
  }
  const parts = operation.segments.map(({ slot, from, tokens, judge }, index) => {
    const result = event.kind === 'passed' ? event.result.outcomes[index]! : null;
    const final = result?.final;
    const end = final ? (final.kind === 'law' ? 'law' : `${final.kind} ${final.token}`) : '';
    const verdict = result && judge ? ` = ${result.acceptedCount} ${end}` : '';
    return `slot ${slot} from ${from}: ${words(tokens)} (${judge ? judge.draftCount : 'no'} judged)${verdict}`;
  });
  return `pass ${parts.join('; ')}${outcome}`;
}

/** One fault in words. */
export function faultText({ kind, forMs, target, strength }: Fault): string {
  const time = forMs > 0 ? ` for ${Math.round(forMs)} ms` : '';
  return `${kind}${time}, target ${target}, strength ${strength.toFixed(2)}`;
}
