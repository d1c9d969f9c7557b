// Lists a server's metrics for `GET /metrics`, from the same snapshot as `GET /stats`. Names with
// `spec_decode` end as in vLLM and llama.cpp; no label grows with devices.

import type { LocalServer, ServerStats } from '../../server/index.js';
import type { MetricSample, MetricSource } from '../metrics.js';

type Read = (stats: ServerStats) => MetricSample;

const serverTested = ({ serverTests }: ServerStats['core']): number =>
  serverTests.modelCount + serverTests.suffixCount;

const counters: readonly (readonly [string, string, Read])[] = [
  [
    'spec_decode_num_drafts_total',
    'Drafts that were tested, of devices and of the server.',
    ({ core }) => core.roundCount,
  ],
  [
    'spec_decode_num_draft_tokens_total',
    'Tokens of them that were tested.',
    ({ core }) => core.testedCount + serverTested(core),
  ],
  [
    'spec_decode_num_accepted_tokens_total',
    'Tokens of them that were accepted.',
    ({ core }) => core.acceptedCount + core.sources.modelCount + core.sources.suffixCount,
  ],
  [
    'draft_stages_total',
    'Stages of the draft model beside the target.',
    ({ core }) => core.stageCount,
  ],
  [
    'draft_model_tokens_total',
    'Tokens that the draft model has drafted, tested or not.',
    ({ core }) => core.modelDraftedCount,
  ],
  [
    'draft_failures_total',
    'Stages that the draft model failed at.',
    ({ core }) => core.draftFailureCount,
  ],
  ['committed_tokens_total', 'Tokens of all answers.', ({ core }) => core.committedCount],
  ['passes_total', 'Passes of the target.', ({ core }) => core.passCount],
  ['pass_failures_total', 'Passes that failed.', ({ core }) => core.passFailureCount],
  ['pass_tokens_total', 'Tokens fed by all passes.', ({ core }) => core.fedCount],
  ['pass_rows_total', 'Rows of logits of all passes.', ({ core }) => core.rowCount],
  ['engine_busy_seconds_total', 'Time with a pass in flight.', ({ core }) => core.busyMs / 1000],
  ['sessions_evicted_total', 'Sessions that lost their slot.', ({ core }) => core.evictionCount],
  ['sessions_restored_total', 'Caches restored from memory.', ({ core }) => core.restoreCount],
  ['caches_lost_total', 'Caches the engine failed at.', ({ core }) => core.lostCacheCount],
  [
    'prefix_shared_tokens_total',
    'Tokens found in the caches of other texts.',
    ({ core }) => core.sharedTokenCount,
  ],
  [
    'failures_total',
    'Sessions and connections refused or failed.',
    ({ core }) => core.failureCount,
  ],
  [
    'quota_refusals_total',
    'Sessions refused over the quota of their key.',
    ({ core }) => core.quotaRefusalCount,
  ],
  ['uplink_messages_total', 'Messages from devices.', ({ wire }) => wire.messagesUp],
  ['downlink_messages_total', 'Messages to devices.', ({ wire }) => wire.messagesDown],
  ['uplink_bytes_total', 'Bytes from devices, without framing.', ({ wire }) => wire.bytesUp],
  ['downlink_bytes_total', 'Bytes to devices, without framing.', ({ wire }) => wire.bytesDown],
  [
    'pictures_encoded_total',
    'Pictures of prompts that were encoded.',
    ({ pictures }) => pictures.encodedCount,
  ],
  ['process_cpu_seconds_total', 'Processor time.', ({ process }) => process.cpuMs / 1000],
];

const gauges: readonly (readonly [string, string, Read])[] = [
  ['connections', 'Connections of devices, without HTTP.', ({ core }) => core.connectionCount],
  ['sessions', 'Sessions, ended ones included.', ({ core }) => core.sessionCount],
  ['sessions_detached', 'Sessions without a connection.', ({ core }) => core.detachedCount],
  [
    'sessions_drafts_cut',
    'Sessions whose drafts keep being rejected.',
    ({ core }) => core.distrusted.cutCount,
  ],
  ['sessions_drafts_off', 'Of them, those not tested.', ({ core }) => core.distrusted.offCount],
  [
    'sessions_advised_no_drafts',
    'Sessions advised not to draft.',
    ({ core }) => core.advised.noneCount,
  ],
  [
    'keys',
    'Keys in recent use; requests without a key count as one.',
    ({ core }) => core.accountCount,
  ],
  ['slots', 'Sequences of the engine.', ({ core }) => core.slotCount],
  ['slots_owned', 'Of them, those that hold a session.', ({ core }) => core.slotsOwned],
  ['queue_length', 'Sessions with work that wait for a pass.', ({ core }) => core.queueLength],
  ['queue_without_slot', 'Of them, those without a slot.', ({ core }) => core.waitingForSlot],
  [
    'swapped_bytes',
    'Saved caches of idle sessions and of texts that were left.',
    ({ core }) => core.images.bytes,
  ],
  ['pictures_kept', 'Encoded pictures that are kept.', ({ pictures }) => pictures.keptCount],
  ['picture_bytes', 'Memory of their embeddings.', ({ pictures }) => pictures.bytes],
  ['resident_bytes', 'Memory of the process.', ({ process }) => process.residentBytes],
  [
    'event_loop_delay_seconds',
    'Lateness of the event loop in ten seconds, 99.9th percentile.',
    ({ process }) => process.loopDelayMs.p999 / 1000,
  ],
  [
    'event_loop_delay_max_seconds',
    'Its greatest lateness in ten seconds.',
    ({ process }) => process.loopDelayMs.max / 1000,
  ],
  ['uptime_seconds', 'Since the start.', ({ uptimeMs }) => uptimeMs / 1000],
];

/** The metrics of one scrape share one snapshot. */
export function serverMetrics(server: Pick<LocalServer, 'stats'>): MetricSource[] {
  let snapshot: ServerStats | null = null;
  const stats = (): ServerStats => {
    if (snapshot !== null) return snapshot;
    setImmediate(() => {
      snapshot = null;
    });
    snapshot = server.stats();
    return snapshot;
  };
  const metricsOf = (kind: 'counter' | 'gauge', rows: typeof counters): MetricSource[] =>
    rows.map(([name, help, read]) => ({ kind, name, help, read: () => read(stats()) }));
  const modes: MetricSource = {
    kind: 'gauge',
    name: 'sessions_by_mode',
    help: 'Sessions that have not ended.',
    labels: ['mode'],
    read: () =>
      Object.entries(stats().core.sessionsByMode).map(([mode, value]) => ({
        labels: { mode },
        value,
      })),
  };
  const sources: MetricSource = {
    kind: 'counter',
    name: 'tokens_by_source_total',
    help: 'Tokens of all answers by what drafted each.',
    labels: ['source'],
    read: () => {
      const { deviceCount, modelCount, suffixCount } = stats().core.sources;
      const target = stats().core.committedCount - deviceCount - modelCount - suffixCount;
      const values = { device: deviceCount, model: modelCount, suffix: suffixCount, target };
      return Object.entries(values).map(([source, value]) => ({ labels: { source }, value }));
    },
  };
  return [...metricsOf('counter', counters), ...metricsOf('gauge', gauges), modes, sources];
}
