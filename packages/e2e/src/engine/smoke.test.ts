import { type LatencyModel, OUTCOME, RequestTableBuilder, simulate } from '@routesim/core'
import { pagedKvCache } from '@routesim/hardware'
import { expect, test } from 'vitest'

const latency: LatencyModel = {
  name: 'x',
  stepMs: (s) => 10 + s.prefillTokens * 0.01 + s.decodeRequests * 0.1,
  segment() {},
}
test('smoke', () => {
  const b = new RequestTableBuilder()
  for (let i = 0; i < 2000; i++)
    b.add({
      arrivalMs: i * 3,
      promptTokens: 100 + (i % 7) * 50,
      outputTokens: 1 + (i % 40),
      promptNode: b.prompts.stream(-1, i % 5, 90),
    })
  const requests = b.build()
  let n = 0
  const r = simulate({
    requests,
    seed: 1,
    router: { name: 'rr', route: (_q, c) => c.backends[n++ % 2]! },
    cluster: {
      kvCache: pagedKvCache(),
      backends: [0, 1].map(() => ({
        role: 'both',
        latency,
        kv: { blocks: 100, blockTokens: 16 },
        maxBatchTokens: 512,
        maxNumSeqs: 16,
        maxQueueDepth: 10000,
        chunkedPrefill: true,
      })),
    },
  })
  expect(r.outcomes.outcome.every((o) => o === OUTCOME.completed)).toBe(true)
  expect(r.backends).toMatchInlineSnapshot(`
    [
      {
        "busyMs": 38506.439999999035,
        "cachedBlocks": 98,
        "decodeTokens": 18916,
        "evictions": 11885,
        "heldBlocks": 0,
        "id": 0,
        "preemptions": 113,
        "prefillTokens": 180484,
        "role": "both",
        "runningRequestMs": 222521.81999998956,
        "steps": 3481,
        "totalBlocks": 100,
        "waitingRequestMs": 15934071.249999892,
      },
      {
        "busyMs": 40414.99999999879,
        "cachedBlocks": 97,
        "decodeTokens": 19904,
        "evictions": 11866,
        "heldBlocks": 0,
        "id": 1,
        "preemptions": 129,
        "prefillTokens": 180460,
        "role": "both",
        "runningRequestMs": 233298.20999998695,
        "steps": 3662,
        "totalBlocks": 100,
        "waitingRequestMs": 16868773.149999805,
      },
    ]
  `)
})
