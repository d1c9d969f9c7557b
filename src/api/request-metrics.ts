// Counts the API's own requests and answers: requests by route and status, tokens, and times as a
// client sees them.

import type { GenerationResult } from './generator.js';
import type { Metrics } from './metrics.js';
import type { RequestObserver } from './request-handler.js';

/** Seconds, from a token over loopback to an answer that takes minutes. */
const timeBounds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

export interface RequestMetrics extends RequestObserver {
  /** @param route pattern, never the path itself. */
  answered(route: string, status: number): void;
}

export function requestMetrics(metrics: Metrics): RequestMetrics {
  const requests = metrics.counter('http_requests_total', 'Requests by route and status.', [
    'route',
    'status',
  ]);
  const firstToken = metrics.histogram(
    'http_time_to_first_token_seconds',
    'Time from a request to its first token.',
    timeBounds,
  );
  const duration = metrics.histogram(
    'http_answer_seconds',
    'Time from a request for text to the end of its answer.',
    timeBounds,
  );
  const prompt = metrics.counter('http_prompt_tokens_total', 'Prompt tokens of finished choices.');
  const written = metrics.counter('http_completion_tokens_total', 'Tokens of finished choices.');
  const abandoned = metrics.counter(
    'http_abandoned_answers_total',
    'Answers not read to the end: the client left, or was cut off as too slow.',
    ['why'],
  );
  let openCount = 0;
  metrics.add([
    {
      kind: 'gauge',
      name: 'http_open_requests',
      help: 'Running requests for text.',
      read: () => openCount,
    },
  ]);
  return {
    answered: (route, status) => requests.inc({ route, status: String(status) }),
    began: () => {
      openCount++;
    },
    firstToken: (ms) => firstToken.observe(ms / 1000),
    ended: ({ promptCount, tokenCount }: GenerationResult) => {
      prompt.inc(promptCount);
      written.inc(tokenCount);
    },
    abandoned: (why) => abandoned.inc({ why }),
    closed: (ms) => {
      openCount--;
      duration.observe(ms / 1000);
    },
  };
}
