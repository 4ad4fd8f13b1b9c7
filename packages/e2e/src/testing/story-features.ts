import { builtinLocalPolicies } from '@routesim/algorithms'
import type {
  BackendEvent,
  BackendEventKind,
  BackendSpec,
  KvTier,
  RandomStream,
  RequestRecord,
  Visibility,
} from '@routesim/core'
import { mockerLatency, tableLatency } from '@routesim/hardware'
import { kneeLatency } from './knee-latency.js'
import type { RouterTraits } from './paired-routers.js'
import { roofline } from './roofline.js'
import { h100, type TinyRun } from './tiny-run.js'

/** What numbers a story is made of: multiples of 2^-12 ms, of which sums are exact; or any. */
export type Numbers = 'exact' | 'plain'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
/** A request while features change it, with the content that it shares and how many tokens of it. */
export type DraftRequest = Mutable<Omit<RequestRecord, 'promptNode'>> & {
  shared?: [string, number]
}

/** A story while its features are being written into it. */
export interface Draft {
  readonly numbers: Numbers
  random: RandomStream
  readonly backends: Mutable<BackendSpec>[]
  readonly requests: DraftRequest[]
  readonly traits: Mutable<RouterTraits>
  visibility: Visibility
  story: Mutable<Partial<TinyRun>>
}

/** Picks one of several, each as often as the others. */
export const pickOf =
  (random: RandomStream) =>
  <T>(...options: readonly T[]): T =>
    options[random.integer(options.length)]!

/** So many times 1/64 ms, or about. */
function ms({ numbers, random }: Draft, units: number): number {
  return numbers === 'exact' ? units / 64 : units * (0.01 + random.float() / 100)
}

const ROOFLINES = [
  roofline('llama-3.1-8b', 'h100', 'step'),
  roofline('gpt-oss-20b', 'h100', 'step'),
  roofline('gpt-oss-20b', 'rtx 4090', 'operator'),
]

/** At least one backend that only prefills, and one that only decodes. */
function split({ random, backends, traits }: Draft): void {
  traits.isDisaggregated = true
  while (backends.length < 2) backends.push({ ...backends[0]! })
  backends.forEach((each, i) => {
    const kind = random.integer(5)
    if (i < 2) each.role = i === 0 ? 'prefill' : 'decode'
    else each.role = kind < 2 ? 'prefill' : kind < 4 ? 'decode' : 'both'
  })
}

/** Everything that stories can have, each of which changes a draft. */
export const FEATURES: Readonly<Record<string, (draft: Draft) => void>> = {
  tiers(draft) {
    const pick = pickOf(draft.random)
    const tier = (name: string): KvTier => ({
      name,
      blocks: pick(1, 5, 30, 1000),
      latencyMs: ms(draft, pick(0, 4)),
      msPerBlock: ms(draft, pick(0, 1, 8, 128)),
    })
    const tiers = pick([tier('cpu')], [tier('cpu'), tier('disk')])
    for (const each of draft.backends) {
      if (draft.random.integer(5) > 0) each.kv = { ...each.kv, tiers }
    }
  },
  adapters(draft) {
    const { random, backends, requests } = draft
    const slots = 1 + random.integer(4)
    const loadMs = ms(draft, 40 * random.integer(3))
    for (const each of backends) {
      if (random.integer(6) > 0) each.adapters = { slots, loadMs }
    }
    for (const request of requests) {
      const adapter = random.integer(5)
      if (adapter > 0) request.adapter = `adapter ${adapter}`
    }
  },
  events(draft) {
    const { random, backends, story } = draft
    const pick = pickOf(random)
    const next: Record<string, readonly BackendEventKind[]> = {
      up: ['fail', 'fail', 'drain', 'slow', 'remove'],
      draining: ['recover', 'fail', 'slow', 'remove'],
      down: ['recover', 'recover', 'slow', 'remove'],
      gone: ['add'],
    }
    const after: Partial<Record<BackendEventKind, string>> = {
      fail: 'down',
      drain: 'draining',
      remove: 'gone',
      recover: 'up',
      add: 'up',
    }
    const events: BackendEvent[] = []
    for (let id = 0; id < backends.length; id++) {
      let state = random.integer(5) === 0 ? 'gone' : 'up'
      let atMs = 0
      for (let left = random.integer(7); left > 0; left--) {
        atMs += ms(draft, pick(0, 32, 128, 512, 4096))
        const kind = pick(...next[state]!)
        events.push({
          atMs,
          backend: id,
          kind,
          ...(kind === 'slow' && { factor: pick(0.5, 1, 2, 4) }),
        })
        state = after[kind] ?? state
      }
    }
    story.events = events
    if (random.integer(3) > 0)
      story.retries = { attempts: pick(0, 1, 3), backoffMs: ms(draft, pick(0, 128)) }
    draft.visibility = { ...draft.visibility, healthDelayMs: ms(draft, pick(0, 0, 512)) }
  },
  timeouts(draft) {
    const pick = pickOf(draft.random)
    draft.story.timeoutMs = ms(draft, pick(32, 128, 2560, 10_240))
    if (draft.random.integer(2) === 0) {
      draft.story.retries = { attempts: pick(1, 3), backoffMs: ms(draft, pick(0, 64)) }
    }
  },
  migration({ traits }) {
    traits.wanders = true
  },
  holds({ traits, random }) {
    traits.holds = 1 + random.integer(3)
  },
  gate({ traits, random }) {
    traits.gate = 1 + random.integer(4)
  },
  questions({ traits }) {
    traits.asks = true
  },
  lateMetrics(draft) {
    const pick = pickOf(draft.random)
    draft.visibility = {
      ...draft.visibility,
      metrics: pick<Visibility['metrics']>('none', {
        intervalMs: ms(draft, pick(32, 256, 6400)),
        delayMs: ms(draft, pick(0, 32, 512)),
        dropProbability: pick(0, 0, 0.3),
      }),
      queryMs: ms(draft, pick(0, 32, 512)),
    }
  },
  lateKvEvents(draft) {
    const pick = pickOf(draft.random)
    draft.visibility = {
      ...draft.visibility,
      prefixes: pick<Visibility['prefixes']>(
        'none',
        {
          delayMs: ms(draft, pick(0, 32, 512)),
          lossProbability: pick(0, 0, 0.2),
          startsEmpty: pick(true, false),
          clearsOnRestart: pick(true, false),
        },
        { ttlMs: ms(draft, 512) },
      ),
    }
  },
  slowRouters(draft) {
    const pick = pickOf(draft.random)
    const perTokenMs = draft.numbers === 'exact' ? 1 / 1024 : 0.001
    draft.visibility = {
      ...draft.visibility,
      routers: {
        // Their polls are evenly spread, and thirds are not exact.
        replicas: pick(1, 2, 4),
        split: pick('random', 'round_robin', 'session'),
        syncMs: ms(draft, pick(0, 64, 640)),
      },
      decision: { fixedMs: ms(draft, pick(0, 32)), perTokenMs: pick(0, perTokenMs) },
      tokenError: pick(0, 0.2),
    }
  },
  followUps(draft) {
    const { random, requests } = draft
    requests.forEach((request, i) => {
      if (i === 0 || random.integer(3) === 0) return
      request.predecessor = Math.max(0, i - 1 - random.integer(4))
      request.thinkMs = ms(draft, 16 * random.integer(40))
      request.anyEnd = random.integer(2) === 0
    })
  },
  joins(draft) {
    const { random, requests } = draft
    requests.forEach((request, i) => {
      if (i < 2 || random.integer(3) > 0) return
      request.joins = Array.from({ length: 1 + random.integer(4) }, () =>
        Math.max(0, i - 1 - random.integer(8)),
      )
      request.predecessor ??= request.joins[0]!
      if (random.integer(2) === 0) request.thinkMs = ms(draft, 16 * random.integer(20))
      request.anyEnd = random.integer(2) === 0
    })
  },
  closedLoop({ random, story }) {
    story.maxInFlight = 1 + random.integer(5)
  },
  scheduling(draft) {
    const { random, backends } = draft
    for (const each of backends) {
      const policy = builtinLocalPolicies[random.integer(builtinLocalPolicies.length)]!
      each.scheduling = policy.configure(
        policy.name === 'longest_prefix_match' ? { max_queue: random.integer(2) ? 3 : 128 } : {},
      )
    }
  },
  ranks({ random, backends }) {
    for (const each of backends) {
      if (each.promptsTogether !== undefined) continue
      each.dp = 1 + random.integer(3)
      each.lockstep = random.integer(2) === 0 && (each.pollSteps ?? 1) === 1
    }
  },
  together({ random, backends }) {
    const pick = pickOf(random)
    for (const each of backends) {
      each.dp = 2 + random.integer(2)
      each.lockstep = true
      each.pollSteps = 1
      if (random.integer(4) > 0)
        each.promptsTogether = { timeoutSteps: pick(1, 2, 5, 50), batchingSteps: pick(0, 1, 10) }
    }
  },
  polling({ random, backends }) {
    for (const each of backends) {
      const steps = pickOf(random)(1, 2, 3, 10, 30)
      if (each.lockstep !== true) each.pollSteps = steps
    }
  },
  pools(draft) {
    split(draft)
    if (draft.random.integer(3) === 0) for (const each of draft.backends) each.role = 'both'
  },
  lateDecode(draft) {
    split(draft)
    draft.traits.decidesLate = 1 + draft.random.integer(3)
  },
  transfers(draft) {
    const { random, backends, story } = draft
    const pick = pickOf(random)
    split(draft)
    const overlappedLayers = pick(undefined, 1, 4, 8)
    story.transfer = {
      latencyMs: ms(draft, pick(0, 32)),
      bandwidthBytesPerSec: 64_000,
      bytesPerToken: pick(0, 1, 16),
      contention: pick('none', 'exclusive', 'exclusive'),
      ...(overlappedLayers !== undefined && { overlappedLayers }),
    }
    for (const each of backends) if (random.integer(3) === 0) each.kvLayers = pick(1, 2, 16)
  },
  preemption(draft) {
    const { random, backends } = draft
    const pick = pickOf(random)
    for (const each of backends) {
      each.preemption = pick(
        'recompute_newest',
        'retract_shortest',
        'swap',
        'evict_all',
        'reserve_all',
      )
      each.swapMsPerToken = ms(draft, pick(0, 1))
      each.reservedOutputShare = pick(0, 0, 0.5, 1)
    }
  },
  promptsFirst({ random, backends }) {
    for (const each of backends) if (random.integer(4) > 0) each.batching = 'prefill_first'
  },
  frontEnd(draft) {
    const pick = pickOf(draft.random)
    for (const each of draft.backends) each.frontEndMs = ms(draft, pick(0, 32, 1280))
  },
  models({ random, backends, requests }) {
    backends.forEach((each, i) => {
      if (random.integer(4) > 0) each.model = `model ${i % 2}`
    })
    for (const request of requests) {
      if (random.integer(5) > 0) request.model = `model ${random.integer(2)}`
    }
  },
  unlike(draft) {
    const { random, backends } = draft
    const pick = pickOf(random)
    for (const each of backends) {
      each.kv = { ...each.kv, blocks: pick(12, 20, 40, 400), blockTokens: pick(1, 3, 4, 16) }
      each.maxBatchTokens = pick(1, 16, 64, 256, 4096)
      each.maxNumSeqs = pick(1, 2, 3, 16, 64)
      each.maxQueueDepth = pick(1, 2, 10, 1000)
      each.chunkedPrefill = random.integer(3) > 0
      each.kvBytesPerToken = pick(0, 1, 4)
    }
  },
  knots(draft) {
    const { random, backends, numbers } = draft
    const pick = pickOf(random)
    const rows = [0, 16, 64].flatMap((prefillTokens) =>
      [0, 4, 16].flatMap((decodeRequests) =>
        [10, 40, 100, 101].map((contextTokens) => ({
          prefillTokens,
          decodeRequests,
          contextTokens,
          stepMs: 1 + prefillTokens / 30 + Math.sqrt(contextTokens * decodeRequests) / 9,
        })),
      ),
    )
    for (const each of backends) {
      const knee = kneeLatency(pick(20, 100, 300), pick(0, 1 / 1024), 1 / 256)
      each.latency =
        numbers === 'exact'
          ? knee
          : pick(knee, h100, tableLatency(rows), mockerLatency({ totalKvTokens: 900 }))
    }
  },
  sharedReads({ random, backends, requests }) {
    const pick = pickOf(random)
    const blockTokens = pick(1, 4, 16)
    for (const each of backends) {
      each.latency = kneeLatency(pick(20, 100, 300), pick(0, 1 / 1024), 1 / 256)
      each.kv = { ...each.kv, blocks: pick(400, 1600) / blockTokens, blockTokens }
    }
    for (const request of requests) {
      const length = request.promptTokens - random.integer(1 + Math.floor(request.promptTokens / 4))
      request.shared = [`group ${random.integer(2)}`, Math.max(1, length)]
      request.outputTokens = random.integer(pick(4, 40, 120))
      request.maxTokens = request.outputTokens
    }
  },
  rooflines({ random, backends, numbers }) {
    const pick = pickOf(random)
    for (const each of backends) {
      each.latency =
        numbers === 'exact'
          ? kneeLatency(pick(50, 500), pick(0, 1 / 4096), pick(1 / 512, 1 / 64))
          : pick(...ROOFLINES)
    }
  },
  stress({ random, backends, requests, traits }) {
    traits.sees = true
    for (const each of backends) {
      each.kv = { ...each.kv, blocks: 12 + random.integer(30), blockTokens: 4 }
    }
    for (const request of requests) request.outputTokens = random.integer(100)
  },
  builtin({ traits, random }) {
    traits.builtin = 1 + random.integer(1000)
  },
  uncached({ story }) {
    story.prefixCaching = false
  },
  conversations({ random, requests }) {
    requests.forEach((request, i) => {
      request.session = `session ${i % 5}`
      request.user = `user ${i % 3}`
      request.tenant = `tenant ${random.integer(2)}`
      request.priority = random.integer(4) - 1
      request.ttftSloMs = random.integer(3) * 20
      if (random.integer(2) === 0) request.deadlineMs = 1 + random.integer(200)
    })
  },
  watched(draft) {
    draft.traits.log ??= []
    const { log } = draft.traits
    draft.story.onDecision = (decision) => void log.push(JSON.stringify(decision))
    const everyMs = ms(draft, 96)
    draft.story.sampler = {
      firstMs: everyMs,
      sample: (nowMs, backends) => {
        log.push(`@${nowMs} ${JSON.stringify(backends)}`)
        return nowMs + everyMs
      },
    }
  },
  stepByStep({ traits, story }) {
    traits.log ??= []
    const steps = traits.log
    story.recorder = {
      stepCompleted: (id, startMs, durationMs, shape) =>
        void steps.push(`step of ${id} ${startMs} ${durationMs} ${JSON.stringify(shape)}`),
    }
  },
  looks({ traits }) {
    traits.looks = true
  },
}
