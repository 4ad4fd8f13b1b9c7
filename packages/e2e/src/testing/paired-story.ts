import { NO_NODE, RandomStream, RequestTableBuilder, type RoutingAlgorithm } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { pairedRouter } from './paired-routers.js'
import { type Draft, type DraftRequest, FEATURES, type Numbers, pickOf } from './story-features.js'
import { backend, seeing, type TinyRun } from './tiny-run.js'

/** Names of the features of a story: each pair of them comes up, and at times some more. */
export function featuresOf(seed: number): string[] {
  const names = Object.keys(FEATURES)
  const random = new RandomStream(seed, 'features')
  const pair = seed % (names.length * names.length)
  const chosen = new Set([names[pair % names.length]!, names[Math.floor(pair / names.length)]!])
  const more = random.integer(3) === 0 ? 3 : 20
  for (const name of names) if (random.integer(more) === 0) chosen.add(name)
  return names.filter((name) => chosen.has(name))
}

/**
 * A small random cluster under random traffic, with the features given.
 * @param repeats - how often its requests come, each time after the last
 */
export function pairedStory(
  seed: number,
  numbers: Numbers,
  features: readonly string[] = featuresOf(seed),
  repeats = 1,
): TinyRun {
  const random = new RandomStream(seed, `paired ${numbers}`)
  const draft = newDraft(random, numbers)
  const { requests } = draft
  const spanMs = requests.at(-1)!.arrivalMs + 50
  const first = [...requests]
  for (let i = 1; i < repeats; i++) {
    for (const each of first) requests.push({ ...each, arrivalMs: each.arrivalMs + i * spanMs })
  }
  for (const name of features) {
    draft.random = new RandomStream(seed, `paired ${name}`)
    FEATURES[name]!(draft)
  }
  return storyOf(seed, draft)
}

function newDraft(random: RandomStream, numbers: Numbers): Draft {
  const pick = pickOf(random)
  const latency = affineLatency({
    baseMs: pick(0.5, 4),
    prefillMsPerToken: 1 / 64,
    decodeMsPerRequest: pick(0, 1 / 8),
    decodeMsPerContextToken: pick(0, 1 / 1024),
    ...(random.integer(2) === 0 && { prefillMsPerAttentionPair: 1 / 4096 }),
    ...(random.integer(2) === 0 && { mixedDecodeMsPerContextToken: 1 / 256 }),
  })
  const shape = {
    latency,
    kv: { blocks: pick(20, 40, 400), blockTokens: pick(1, 4, 16) },
    maxBatchTokens: pick(16, 64, 256, 4096),
    maxNumSeqs: pick(1, 3, 16, 64),
    maxQueueDepth: pick(3, 10, 1000),
    chunkedPrefill: random.integer(4) > 0,
  }
  const backends = Array.from({ length: 1 + random.integer(4) }, () => ({ ...backend(shape) }))
  const requests: DraftRequest[] = []
  let arrivalMs = 0
  const longest = pick(8, 60, 300)
  for (let left = 1 + random.integer(40); left > 0; left--) {
    arrivalMs += numbers === 'exact' ? pick(0, 0, 0.5, 2, 8) : pick(0, random.exponential(8))
    const promptTokens = 1 + random.integer(longest)
    const outputTokens = random.integer(pick(2, 10, 80))
    const shared = 1 + random.integer(promptTokens + pick(0, outputTokens))
    requests.push({
      arrivalMs,
      promptTokens,
      outputTokens,
      maxTokens: outputTokens + pick(0, random.integer(100)),
      ...(random.integer(3) > 0 && { shared: [`group ${random.integer(3)}`, shared] }),
    })
  }
  const traits = { seed: random.integer(2 ** 30), sees: random.integer(2) === 0 }
  return { numbers, random, backends, requests, traits, visibility: seeing({}), story: {} }
}

function storyOf(seed: number, draft: Draft): TinyRun {
  const { random, backends, requests, traits, visibility, story } = draft
  const pick = pickOf(random)
  const builder = new RequestTableBuilder()
  for (const { shared, ...request } of requests) {
    const promptNode = shared === undefined ? NO_NODE : branching(builder, random, ...shared)
    builder.add({ ...request, promptNode })
  }
  const { replicas } = visibility.routers
  const isSpecial = JSON.stringify(visibility) !== JSON.stringify(seeing({}))
  const routers: RoutingAlgorithm[] = Array.from({ length: replicas }, (_, i) =>
    pairedRouter({ ...traits, seed: traits.seed + i }),
  )
  return {
    requests: builder.build(),
    backends,
    router: replicas === 1 ? routers[0]! : routers,
    // Most runs have none, and take another way.
    ...((isSpecial || random.integer(2) === 0) && { visibility }),
    transfer: { latencyMs: pick(0, 0.5), bandwidthBytesPerSec: 64_000, bytesPerToken: pick(0, 1) },
    seed,
    warmupRequests: pick(0, random.integer(requests.length)),
    ...story,
  }
}

/** Content that ends after so many tokens, in a stream that may branch halfway. */
function branching(
  { prompts }: RequestTableBuilder,
  random: RandomStream,
  name: string,
  tokens: number,
): number {
  const root = prompts.stream(NO_NODE, name, Math.min(tokens, 30))
  return tokens <= 30 ? root : prompts.stream(root, `branch ${random.integer(2)}`, tokens)
}
