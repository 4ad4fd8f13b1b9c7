import { builtinLocalPolicies } from '@routesim/algorithms'
import {
  type BackendSpec,
  type BackendView,
  type ClusterView,
  disaggregate,
  type KvCapacity,
  type KvTier,
  type KvTransfer,
  type LatencyModel,
  NO_NODE,
  RandomStream,
  type RequestTable,
  RequestTableBuilder,
  type RequestView,
  type RoutingAlgorithm,
} from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { kneeLatency } from './knee-latency.js'
import { decidingLate } from './late-router.js'
import { randomTrouble } from './random-trouble.js'
import { backend, h100, inTurn, pairsInTurn, type TinyRun } from './tiny-run.js'

/**
 * What a story is good for. `plain`: every feature, real numbers. `decimal`: times are multiples of
 * 0.02 ms, so that steps and arrivals coincide but their sums differ in the last bits. `ties`: only
 * multiples of 2^-10 ms, on a coarse grid, so that sums are exact too. `stress`: the same
 * with caches of one or two prompts, long answers, and a router that looks at the caches.
 */
export type StoryKind = 'plain' | 'decimal' | 'ties' | 'stress'

/** A random small cluster under random traffic: tiny caches, bursts, one-token outputs, pools. */
export function randomStory(seed: number, kind: StoryKind = 'plain'): TinyRun {
  const random = new RandomStream(seed, `story ${kind}`)
  const pick = <T>(...options: T[]): T => options[random.integer(options.length)]!
  const isStress = kind === 'stress'
  const isDisaggregated = random.integer(isStress ? 6 : 3) === 0
  const hasMixedPools = isDisaggregated && random.integer(3) === 0
  const shape: Partial<BackendSpec> = {
    latency: randomLatency(kind, pick, new RandomStream(seed, `attention ${kind}`)),
    kv: {
      blocks: isStress ? pick(12, 20, 40) : pick(12, 20, 40, 400),
      blockTokens: pick(1, 4, 16),
      ...randomTiers(seed, kind),
    },
    maxBatchTokens: pick(16, 64, 256, 4096),
    maxNumSeqs: pick(1, 3, 16, 64),
    maxQueueDepth: pick(2, 10, 1000),
    chunkedPrefill: random.integer(4) > 0,
    ...randomPolicies(seed, kind, 0),
    ...randomScheduling(seed, kind, 0),
    ...randomAdapters(seed, kind),
  }
  const count = isDisaggregated ? 2 + random.integer(4) : 1 + random.integer(4)
  const backends = Array.from({ length: count }, (_, i) => {
    // Engines of all kinds side by side, in every fourth story.
    const own =
      seed % 4 === 3
        ? { ...shape, ...randomPolicies(seed, kind, i), ...randomScheduling(seed, kind, i) }
        : shape
    if (!isDisaggregated || hasMixedPools) return backend(own)
    const role =
      i === 0 ? 'prefill' : i === 1 ? 'decode' : pick('prefill' as const, 'decode' as const)
    return backend({ ...own, role })
  })
  const seesCaches = isStress || random.integer(2) === 0
  const requests = randomRequests(
    kind,
    random,
    shape.kv!.blocks * shape.kv!.blockTokens,
    new RandomStream(seed, `limits ${kind}`),
    // Conversations, and trees of calls, in every fifth story.
    seed % 5 === 2 ? new RandomStream(seed, `follow-ups ${kind}`) : undefined,
    new RandomStream(seed, `urgency ${kind}`),
    seed % 7 === 4 ? new RandomStream(seed, `adapter of each ${kind}`) : undefined,
    new RandomStream(seed, `joins ${kind}`),
  )
  return {
    requests,
    backends,
    router: randomRouter(seed, kind, isDisaggregated && !hasMixedPools, () =>
      seesCaches ? bySight(isDisaggregated) : isDisaggregated ? pairsInTurn() : inTurn(),
    ),
    transfer: {
      latencyMs: pick(0, 0.5),
      bandwidthBytesPerSec: 64_000,
      bytesPerToken: pick(0, 1),
      ...randomLinks(seed, kind),
    },
    prefixCaching: random.integer(4) > 0,
    seed,
    warmupRequests: random.integer(requests.size),
    ...(seed % 21 === 3 && { maxInFlight: 1 + (seed % 5) }),
    // In one story of three, half of them with engines that do things differently.
    ...((seed % 6 === 2 || seed % 6 === 5) && randomTrouble(seed, kind, count)),
  }
}

/** The same story with backends that do not fail and clients that wait. */
export function untroubled(story: TinyRun): TinyRun {
  const { events: _, healthDelayMs: __, retries: ___, timeoutMs: ____, ...rest } = story
  return rest
}

/** Where to decode is decided when the prompt is computed in half of the stories with two pools. */
function randomRouter(
  seed: number,
  kind: StoryKind,
  hasTwoPools: boolean,
  make: () => RoutingAlgorithm,
): RoutingAlgorithm {
  const random = new RandomStream(seed, `late ${kind}`)
  return hasTwoPools && random.integer(2) === 0 ? decidingLate(make()) : make()
}

/** Links that are shared in half of the stories, and layers that go ahead in half. */
function randomLinks(seed: number, kind: StoryKind): Partial<KvTransfer> {
  const random = new RandomStream(seed, `links ${kind}`)
  return {
    ...(random.integer(2) === 0 && { contention: 'exclusive' }),
    ...(random.integer(2) === 0 && { overlappedLayers: 4 }),
  }
}

/** What engines do differently; every other story has the plain engine. */
function randomPolicies(seed: number, kind: StoryKind, id: number): Partial<BackendSpec> {
  if (seed % 2 === 0) return {}
  const random = new RandomStream(seed, `policies ${kind} ${id}`)
  const pick = <T>(...options: T[]): T => options[random.integer(options.length)]!
  return {
    frontEndMs: kind === 'decimal' ? pick(0, 0.02, 12.5) : pick(0, 0.5, 20),
    batching: pick('mixed', 'prefill_first'),
    preemption: pick('recompute_newest', 'retract_shortest', 'swap', 'evict_all', 'reserve_all'),
    swapMsPerToken: kind === 'decimal' ? pick(0, 0.02) : pick(0, 1 / 64),
    reservedOutputShare: pick(0, 0, 0.5, 1),
    dp: pick(1, 1, 1, 2, 3),
    lockstep: random.integer(2) === 0,
  }
}

/** Slots for LoRA adapters; in every seventh story. */
function randomAdapters(seed: number, kind: StoryKind): Partial<BackendSpec> {
  if (seed % 7 !== 4) return {}
  const random = new RandomStream(seed, `adapters ${kind}`)
  const unit = kind === 'decimal' ? 0.02 : 1 / 64
  return { adapters: { slots: 1 + random.integer(4), loadMs: random.integer(3) * 40 * unit } }
}

/** Host memory and disk below the KV cache; in every fourth story. */
function randomTiers(seed: number, kind: StoryKind): Pick<KvCapacity, 'tiers'> {
  if (seed % 4 !== 1 && seed % 16 !== 6) return {}
  const random = new RandomStream(seed, `tiers ${kind}`)
  const pick = <T>(...options: T[]): T => options[random.integer(options.length)]!
  const unit = kind === 'decimal' ? 0.02 : 1 / 64
  const tier = (name: string): KvTier => ({
    name,
    blocks: pick(1, 5, 30, 1000),
    latencyMs: pick(0, 4) * unit,
    msPerBlock: pick(0, 1, 8, 128) * unit,
  })
  return { tiers: random.integer(2) === 0 ? [tier('cpu')] : [tier('cpu'), tier('disk')] }
}

/** The order of the queue; every third story has one of its own. */
function randomScheduling(seed: number, kind: StoryKind, id: number): Partial<BackendSpec> {
  if (seed % 3 !== 2) return {}
  const random = new RandomStream(seed, `scheduling ${kind} ${id}`)
  const policy = builtinLocalPolicies[random.integer(builtinLocalPolicies.length)]!
  const overrides =
    policy.name === 'longest_prefix_match' ? { max_queue: random.integer(2) === 0 ? 3 : 128 } : {}
  return { scheduling: policy.configure(overrides) }
}

function randomLatency(
  kind: StoryKind,
  pick: <T>(...options: T[]) => T,
  attention: RandomStream,
): LatencyModel {
  const affine = affineLatency({
    baseMs: pick(0.5, 4),
    prefillMsPerToken: 1 / 64,
    decodeMsPerRequest: pick(0, 1 / 8),
    decodeMsPerContextToken: pick(0, 1 / 1024),
    // Of prompts, and dearer where decodes share the step with them.
    prefillMsPerAttentionPair: attention.integer(2) / 4096,
    ...(attention.integer(2) === 0 ? {} : { mixedDecodeMsPerContextToken: 1 / 256 }),
  })
  const tenths = affineLatency({
    baseMs: 0.6,
    prefillMsPerToken: 0.02,
    decodeMsPerRequest: pick(0.04, 0.1),
    decodeMsPerContextToken: 0,
  })
  const knee = kneeLatency(pick(20, 100, 300), pick(0, 1 / 1024), 1 / 256)
  if (kind === 'decimal') return pick(h100, tenths)
  return kind === 'plain' ? pick(h100, affine, knee) : pick(affine, knee)
}

/** Gaps between arrivals, undefined for a random one. Steps take the same multiples: they coincide. */
const GAPS: Readonly<Record<StoryKind, readonly (number | undefined)[]>> = {
  plain: [0, undefined, undefined],
  decimal: [0, 0.02, 0.3, 1, 12.5, 25],
  ties: [0, 0, 0.5, 2, 8],
  stress: [0, 0, 0.5, 2, 8],
}

function randomRequests(
  kind: StoryKind,
  random: RandomStream,
  cacheTokens: number,
  limits: RandomStream,
  waits: RandomStream | undefined,
  urgency: RandomStream,
  adapters: RandomStream | undefined,
  joins: RandomStream,
): RequestTable {
  const pick = <T>(...options: T[]): T => options[random.integer(options.length)]!
  const builder = new RequestTableBuilder()
  let arrivalMs = kind === 'plain' ? random.float() : 0
  const longest = kind === 'stress' ? pick(60, cacheTokens) : 300
  for (let left = 1 + random.integer(60); left > 0; left--) {
    arrivalMs += pick(...GAPS[kind]) ?? random.exponential(pick(3, 20))
    const promptTokens = 1 + random.integer(pick(8, 60, longest))
    const outputTokens = kind === 'stress' ? random.integer(200) : random.integer(pick(2, 10, 80))
    // The shared content may end in the prompt or in the answer, as in a conversation.
    const shared = 1 + random.integer(promptTokens + pick(0, outputTokens))
    const promptNode = random.integer(3) > 0 ? sharedNode(builder, random, shared) : NO_NODE
    // Clients mostly declare more than they get.
    const maxTokens = outputTokens + (limits.integer(2) === 0 ? 0 : limits.integer(100))
    const follows = waits !== undefined && builder.size > 0 && waits.integer(3) > 0
    const priority = urgency.integer(3)
    const ttftSloMs = urgency.integer(3) * 20
    const adapter = adapters?.integer(5) ?? 0
    builder.add({
      arrivalMs,
      promptTokens,
      outputTokens,
      promptNode,
      maxTokens,
      ...(follows && {
        predecessor: Math.max(0, builder.size - 1 - waits.integer(4)),
        thinkMs:
          kind === 'plain'
            ? waits.exponential(20)
            : kind === 'decimal'
              ? 0.02 * waits.integer(500)
              : waits.integer(40) / 4,
        // Some wait for several calls, as after agents that worked side by side.
        ...(joins.integer(3) === 0 && {
          joins: Array.from({ length: 1 + joins.integer(3) }, () =>
            Math.max(0, builder.size - 1 - joins.integer(6)),
          ),
        }),
      }),
      priority,
      ttftSloMs,
      ...(adapter > 0 && { adapter: `adapter ${adapter}` }),
    })
  }
  return builder.build()
}

/** Content that ends after so many tokens, in one of a few streams that may branch halfway. */
function sharedNode(builder: RequestTableBuilder, random: RandomStream, tokens: number): number {
  const { prompts } = builder
  const root = prompts.stream(NO_NODE, `group ${random.integer(3)}`, Math.min(tokens, 30))
  return tokens <= 30 ? root : prompts.stream(root, `branch ${random.integer(2)}`, tokens)
}

/** The longest match, the emptiest cache, the adapter at hand, then the lowest id: all a router can look at. */
function bySight(isDisaggregated: boolean): RoutingAlgorithm {
  const best = (request: RequestView, cluster: ClusterView): BackendView => {
    const matched = cluster.prefixMatch(request)
    const adapter = request.adapter ?? ''
    const score = (b: BackendView): number =>
      matched[b.id]! -
      40 * b.kvUsage -
      4 * b.outstanding +
      (b.adapters?.loaded.includes(adapter) ? 6 : 0) -
      (b.adapters?.waiting.length ?? 0)
    return cluster.backends.reduce((a, b) => (score(b) > score(a) ? b : a))
  }
  return {
    name: 'by_sight',
    route: (request, cluster) =>
      isDisaggregated
        ? disaggregate(
            best(request, cluster.pool('prefill', 'both')),
            best(request, cluster.pool('decode', 'both')),
          )
        : best(request, cluster),
  }
}
