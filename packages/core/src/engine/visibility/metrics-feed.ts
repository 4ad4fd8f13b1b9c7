import { instantEnd } from '../../kernel/instant.js'
import { RandomStream } from '../../kernel/random-stream.js'
import type { KvUsage } from '../../kv-cache/kv-cache.js'
import type { AdapterState } from '../../routing/cluster-view.js'
import type { PolledMetrics } from '../../routing/visibility.js'
import type { Machinery } from '../machinery.js'
import { heardAtOnce, hookFailed } from '../routers/hook-failed.js'
import type { RouterReplica } from '../routers/router-replica.js'
import type { VisibleSource } from './visible-source.js'

/** The figures of all backends at one time, on their way to one router. */
interface Sample {
  replica: number
  takenMs: number
  dueMs: number
  /** Backends that did not answer. */
  readonly isDown: Uint8Array
  readonly waiting: Int32Array
  readonly running: Int32Array
  readonly kvUsage: Float64Array
  readonly adapters: (AdapterState | undefined)[]
  /** Requests that the router had sent to each backend by then. */
  readonly sent: Float64Array
}

/** Takes samples of the backends' metrics for each router, and delivers them later. */
export class MetricsFeed {
  /** Events yet to come. */
  pendingEvents = 0
  private readonly settings: PolledMetrics
  private readonly machinery: Machinery
  private readonly replicas: readonly RouterReplica[]
  private readonly sources: readonly VisibleSource[]
  /** When the next sample of each router is taken. */
  private readonly nextMs: Float64Array
  private readonly onTheWay: Sample[] = []
  private readonly spare: Sample[] = []
  private readonly random: readonly RandomStream[]
  private readonly usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }

  constructor(
    settings: PolledMetrics,
    machinery: Machinery,
    replicas: readonly RouterReplica[],
    sources: readonly VisibleSource[],
    seed: number,
  ) {
    this.settings = settings
    this.machinery = machinery
    this.replicas = replicas
    this.sources = sources
    this.nextMs = new Float64Array(replicas.length)
    this.random = replicas.map((_, i) => new RandomStream(seed, `metrics ${i}`))
  }

  /** The first sample is taken at a time; those of several routers are spread over the interval. */
  start(firstMs: number): void {
    const { nextMs, settings } = this
    for (let i = 0; i < nextMs.length; i++) {
      nextMs[i] = firstMs + (i / nextMs.length) * settings.intervalMs
      this.schedule(nextMs[i]!, this.machinery.subjects.metricsTaken)
    }
  }

  /** The time has come to take samples. */
  take(): void {
    const { machinery, nextMs, settings } = this
    const { clock, subjects } = machinery
    this.pendingEvents--
    if (machinery.isOver) return
    const endMs = instantEnd(clock.nowMs)
    for (let replica = 0; replica < nextMs.length; replica++) {
      if (nextMs[replica]! > endMs) continue
      nextMs[replica] = nextMs[replica]! + settings.intervalMs
      this.schedule(nextMs[replica]!, subjects.metricsTaken)
      this.onTheWay.push(this.sampleFor(replica))
      this.schedule(clock.nowMs + settings.delayMs, subjects.metricsDelivered)
    }
  }

  /** Samples have arrived. */
  deliver(): void {
    this.pendingEvents--
    if (this.machinery.isOver) return
    const endMs = instantEnd(this.machinery.clock.nowMs)
    while (this.onTheWay.length > 0 && this.onTheWay[0]!.dueMs <= endMs) {
      const sample = this.onTheWay.shift()!
      this.accept(sample)
      this.spare.push(sample)
    }
  }

  private accept(sample: Sample): void {
    const source = this.sources[sample.replica]!
    const { router, views, cluster } = this.replicas[sample.replica]!
    const random = this.random[sample.replica]!
    const { dropProbability } = this.settings
    const { loads } = source
    const arrived = new Uint8Array(views.length)
    for (let id = 0; id < views.length; id++) {
      if (dropProbability > 0 && random.float() < dropProbability) continue
      if (sample.isDown[id] === 1) continue
      arrived[id] = 1
      source.waiting[id] = sample.waiting[id]!
      source.running[id] = sample.running[id]!
      source.kvUsage[id] = sample.kvUsage[id]!
      source.sampledAdapters[id] = sample.adapters[id]
      source.sampledMs[id] = sample.takenMs
      loads.sentSinceSample[id] = source.sent[id]! - sample.sent[id]!
    }
    if (router.onMetrics === undefined) return
    try {
      for (let id = 0; id < views.length; id++)
        if (arrived[id] === 1) heardAtOnce(router.onMetrics(views[id]!, cluster))
    } catch (cause) {
      throw hookFailed(router.name, 'onMetrics', undefined, cause)
    }
  }

  private sampleFor(replica: number): Sample {
    const { machinery, usage } = this
    machinery.refresh()
    const { loads, fleet, kv, clock, adapters } = machinery.truth
    const size = loads.waiting.length
    const sample = this.spare.pop() ?? {
      replica,
      takenMs: 0,
      dueMs: 0,
      isDown: new Uint8Array(size),
      waiting: new Int32Array(size),
      running: new Int32Array(size),
      kvUsage: new Float64Array(size),
      adapters: [],
      sent: new Float64Array(size),
    }
    sample.replica = replica
    sample.takenMs = clock.nowMs
    sample.dueMs = clock.nowMs + this.settings.delayMs
    for (let id = 0; id < size; id++) {
      sample.waiting[id] = loads.waiting[id]!
      sample.running[id] = loads.running[id]!
      fleet.sync(id)
      kv.usage(id, usage)
      sample.kvUsage[id] = usage.held / usage.total
      sample.adapters[id] = adapters?.(id)
    }
    sample.isDown.set(machinery.isDown)
    sample.sent.set(this.sources[replica]!.sent)
    return sample
  }

  private schedule(timeMs: number, subject: number): void {
    this.machinery.loop.schedule(Math.max(timeMs, this.machinery.clock.nowMs), subject)
    this.pendingEvents++
  }
}
