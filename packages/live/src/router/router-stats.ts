import { LatencyHistogram, PrometheusText } from '../metrics/prometheus-text.js'
import { EventKnowledge } from './kv-knowledge.js'
import { REQUEST_ENDS, type RequestEnd } from './request-ends.js'
import type { RouterCore } from './router-core.js'
import type { TrafficRecorder } from './traffic-recorder.js'

const SHORT = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1]
const LONG = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

/** What a router counts. */
export class RouterStats {
  inFlight = 0
  begun = 0
  /** Bytes of the bodies of requests under way. */
  bodyBytes = 0
  retries = 0
  readonly ends: Record<RequestEnd, number> = Object.fromEntries(
    REQUEST_ENDS.map((end) => [end, 0]),
  ) as Record<RequestEnd, number>
  /** Time of a decision, in s. */
  readonly decision: LatencyHistogram = new LatencyHistogram(SHORT)
  /** From the last byte of a request until it is sent on, without the time that its algorithm held it; and that. */
  readonly overhead: LatencyHistogram = new LatencyHistogram(SHORT)
  readonly held: LatencyHistogram = new LatencyHistogram(LONG)
  /** From the first byte of a request to the end of its answer. */
  readonly duration: LatencyHistogram = new LatencyHistogram(LONG)

  begin(): void {
    this.inFlight++
    this.begun++
  }

  end(end: RequestEnd): void {
    this.inFlight--
    this.ends[end]++
  }

  decided(durationMs: number): void {
    this.decision.add(durationMs / 1000)
  }

  sentOn(overheadMs: number): void {
    this.overhead.add(overheadMs / 1000)
  }

  released(heldMs: number): void {
    this.held.add(heldMs / 1000)
  }

  /** Everything in the form that Prometheus reads. */
  text(
    core: RouterCore,
    kvEvents: KvEventTotals,
    connections: number,
    recorder?: Pick<TrafficRecorder, 'recorded' | 'dropped'>,
  ): string {
    const text = new PrometheusText()
    const { backends, knowledge } = core
    const per = (value: (backend: (typeof backends)[number]) => number) =>
      backends.map((backend) => ({
        labels: { worker: backend.id, url: backend.url },
        value: value(backend),
      }))
    text.counter(
      'routesim_requests_total',
      'Requests by how they ended.',
      REQUEST_ENDS.map((end) => ({ labels: { end }, value: this.ends[end] })),
    )
    text.gauge('routesim_requests_in_flight', 'Requests under way.', [{ value: this.inFlight }])
    text.gauge('routesim_connections', 'Connections of clients.', [{ value: connections }])
    text.counter('routesim_retries_total', 'Requests tried on another worker.', [
      { value: this.retries },
    ])
    text.counter(
      'routesim_worker_failures_total',
      'Failed exchanges with a worker by reason, and by status where that is it.',
      backends.flatMap(({ id, url, failuresByReason }) =>
        [...failuresByReason].map(([key, value]) => {
          const [reason = '', status] = key.split(' ')
          const labels = { worker: id, url, reason, ...(status === undefined ? {} : { status }) }
          return { labels, value }
        }),
      ),
    )
    text.gauge(
      'routesim_worker_up',
      'Whether a worker answers.',
      per(({ isUp }) => (isUp ? 1 : 0)),
    )
    text.gauge(
      'routesim_worker_available',
      'Whether it gets requests.',
      per((backend) => (backend.available ? 1 : 0)),
    )
    text.gauge(
      'routesim_worker_in_flight',
      "This router's requests there.",
      per(({ inFlight }) => inFlight),
    )
    text.counter(
      'routesim_worker_dispatched_total',
      'Requests sent there.',
      per(({ dispatched }) => dispatched),
    )
    text.gauge(
      'routesim_worker_kv_usage',
      'Share of its KV cache in use.',
      per(({ kvUsage }) => kvUsage),
    )
    text.gauge('routesim_kv_index_blocks', 'Blocks workers are taken to hold.', [
      { value: knowledge.size },
    ])
    if (knowledge instanceof EventKnowledge) {
      text.counter(
        'routesim_kv_events_total',
        'Batches of KV events by what became of them.',
        Object.entries(kvEvents).map(([kind, value]) => ({ labels: { kind }, value })),
      )
      text.counter('routesim_kv_events_refused_total', 'KV events that could not be taken in.', [
        { labels: { reason: 'unknown_parent' }, value: knowledge.countOf('unknown_parent') },
        { labels: { reason: 'unknown_block' }, value: knowledge.countOf('unknown_block') },
        { labels: { reason: 'block_size' }, value: knowledge.foreignBlocks },
        { labels: { reason: 'cache_group' }, value: knowledge.otherGroupBlocks },
        { labels: { reason: 'unreadable' }, value: knowledge.unreadable },
      ])
    }
    if (recorder !== undefined) {
      text.counter('routesim_recorded_total', 'Requests by whether they are in the recording.', [
        { labels: { kind: 'recorded' }, value: recorder.recorded },
        { labels: { kind: 'dropped' }, value: recorder.dropped },
      ])
    }
    text.histogram('routesim_decision_seconds', 'Time of a routing decision.', this.decision)
    text.histogram(
      'routesim_overhead_seconds',
      'Time from the last byte of a request to its sending on, but that for which it was held.',
      this.overhead,
    )
    text.histogram('routesim_held_seconds', 'Time for which requests were held.', this.held)
    text.histogram(
      'routesim_request_seconds',
      'Time of answered requests from their first byte on.',
      this.duration,
    )
    for (const [name, value] of core.algorithmGauges)
      text.gauge(`routesim_algorithm_${name}`, "The algorithm's own.", [{ value }])
    return text.toString()
  }
}

/** Sums over all subscribers. */
export interface KvEventTotals {
  readonly batches: number
  readonly gaps: number
  readonly duplicates: number
  readonly resets: number
  readonly malformed: number
}
