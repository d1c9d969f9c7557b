// Lists a device's metrics for `GET /metrics`: sums over its answers' statistics. Names with
// `spec_decode` end as in vLLM and llama.cpp.

import type { Client, Statistics } from '../../device/index.js';
import type { MetricSource } from '../metrics.js';

const summed = [
  ['spec_decode_num_drafts_total', 'Verifications that tested drafts.', 'roundCount'],
  ['spec_decode_num_draft_tokens_total', 'Drafted tokens that were tested.', 'testedCount'],
  ['spec_decode_num_accepted_tokens_total', 'Drafted tokens that were accepted.', 'acceptedCount'],
  ['drafted_tokens_total', 'Drafted tokens, tested or not.', 'draftedCount'],
  ['draft_wasted_tokens_total', 'Drafted tokens that are not in the text.', 'wastedCount'],
  ['predraft_tokens_used_total', 'Tokens drafted ahead that are in the text.', 'aheadUsedCount'],
  ['draft_chain_tested_total', 'Verdicts that tested part of the draft chain.', 'chainTestedCount'],
  ['draft_chain_survived_total', 'Of them, those that the chain survived.', 'chainSurvivedCount'],
  ['committed_tokens_total', 'Tokens of answers.', 'tokenCount'],
  ['provisional_tokens_total', 'Tokens drafted while the server was away.', 'provisionalCount'],
  ['retracted_tokens_total', 'Of them, those retracted.', 'retractedCount'],
  ['uplink_messages_total', 'Messages to the server.', 'upMessageCount'],
  ['downlink_messages_total', 'Messages from the server.', 'downMessageCount'],
  ['uplink_bytes_total', 'Bytes to the server, without framing.', 'upBytes'],
  ['downlink_bytes_total', 'Bytes from the server, without framing.', 'downBytes'],
  ['resends_total', 'Drafts sent again.', 'resendCount'],
  ['resumes_total', 'Sessions resumed after a lost link.', 'resumeCount'],
] as const satisfies readonly (readonly [string, string, keyof Statistics])[];

/** The newest measurement, in seconds; no value before the first. */
const measured = [
  ['device_round_trip_seconds', 'Round trip to the server.', 'roundTripMs'],
  ['draft_token_seconds', 'Time to draft a token.', 'draftMs'],
  ['verify_seconds', 'A pass of the server, measured on the device.', 'verifyMs'],
] as const satisfies readonly (readonly [string, string, keyof Statistics])[];

export interface DeviceMetrics {
  readonly sources: readonly MetricSource[];
  /** Adds the statistics of an answer that has ended. */
  readonly add: (statistics: Statistics) => void;
}

export function deviceMetrics(client: Client): DeviceMetrics {
  const sums = new Map<string, number>();
  let last: Statistics | null = null;
  const counters = summed.map(
    ([name, help]): MetricSource => ({
      kind: 'counter',
      name,
      help,
      read: () => sums.get(name) ?? 0,
    }),
  );
  const gauges = measured.map(
    ([name, help, key]): MetricSource => ({
      ...{ kind: 'gauge', name, help },
      read: () => {
        const ms = last?.[key] ?? null;
        return ms === null ? [] : [{ labels: {}, value: ms / 1000 }];
      },
    }),
  );
  const state: MetricSource[] = [
    {
      ...{ kind: 'gauge', name: 'link_up', help: '1 while the server is connected.' },
      read: () => (client.isLinked ? 1 : 0),
    },
    {
      ...{ kind: 'gauge', name: 'answers', help: 'Answers that are being written.' },
      read: () => client.answerCount,
    },
  ];
  const add = (statistics: Statistics): void => {
    last = statistics;
    for (const [name, , key] of summed) sums.set(name, (sums.get(name) ?? 0) + statistics[key]);
  };
  return { sources: [...state, ...counters, ...gauges], add };
}
