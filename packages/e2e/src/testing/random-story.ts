import { type BackendSpec, RandomStream } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { backend, h100, inTurn, pairsInTurn, type TinyRequest, type TinyRun } from './tiny-run.js'

/** A random small cluster under random traffic: tiny caches, ties, bursts, one-token outputs, pools. */
export function randomStory(seed: number): TinyRun {
  const random = new RandomStream(seed, 'story')
  const pick = <T>(...options: T[]): T => options[random.integer(options.length)]!
  const isDisaggregated = random.integer(3) === 0
  const mixedPools = isDisaggregated && random.integer(3) === 0
  const count = isDisaggregated ? 2 + random.integer(4) : 1 + random.integer(4)
  const shape: Partial<BackendSpec> = {
    latency: pick(
      h100,
      affineLatency({
        baseMs: pick(0.5, 5),
        prefillMsPerToken: 1 / 64,
        decodeMsPerRequest: 1 / 8,
        decodeMsPerContextToken: pick(0, 1 / 1024),
      }),
    ),
    kv: { blocks: pick(12, 20, 40, 400), blockTokens: pick(1, 4, 16) },
    maxBatchTokens: pick(16, 64, 256, 4096),
    maxNumSeqs: pick(1, 3, 16, 64),
    maxQueueDepth: pick(2, 10, 1000),
    chunkedPrefill: random.integer(4) > 0,
  }
  const backends = Array.from({ length: count }, (_, i) => {
    if (!isDisaggregated || mixedPools) return backend(shape)
    return backend({
      ...shape,
      role: i === 0 ? 'prefill' : i === 1 ? 'decode' : pick('prefill', 'decode'),
    })
  })
  let arrivalMs = 0
  const requests = Array.from({ length: 1 + random.integer(60) }, (): TinyRequest => {
    arrivalMs += pick(0, 0, 1, 8, random.exponential(20))
    const promptTokens = 1 + random.integer(pick(8, 60, 300))
    return {
      arrivalMs,
      promptTokens,
      outputTokens: random.integer(pick(2, 10, 80)),
      ...(random.integer(2) === 0
        ? { shared: `group ${random.integer(4)}`, sharedTokens: 1 + random.integer(promptTokens) }
        : {}),
    }
  })
  const router = isDisaggregated ? pairsInTurn() : inTurn()
  return { requests, backends, router, seed, warmupRequests: random.integer(requests.length) }
}
