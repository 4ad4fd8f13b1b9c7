// The engine by itself: two replicas with a step time of our own, and four requests that begin with
// the same 1,024 tokens. Run it with: node embed.mjs
import { NO_NODE, RequestTableBuilder, simulate } from '@routesim/core'
import { pagedKvCache } from '@routesim/hardware'

/** 5 ms per step, and 20 µs for each prompt token computed: anything with these two methods will do. */
const latency = {
  name: 'tiny',
  stepMs: (step) => 5 + 0.02 * step.prefillTokens,
  segment(step, out) {
    out.baseMs = this.stepMs(step)
    out.slopeMs = 0
    out.steps = Number.POSITIVE_INFINITY
  },
}

const replica = {
  role: 'both',
  latency,
  kv: { blocks: 1000, blockTokens: 16 },
  maxBatchTokens: 2048,
  maxNumSeqs: 64,
  maxQueueDepth: 100,
  chunkedPrefill: true,
}

const builder = new RequestTableBuilder()
const shared = builder.prompts.stream(NO_NODE, 'system prompt', 1024)
for (const arrivalMs of [0, 10, 100, 110]) {
  builder.add({ arrivalMs, promptTokens: 1200, outputTokens: 50, promptNode: shared })
}
const requests = builder.build()

let turn = 0
const { outcomes } = simulate({
  cluster: { backends: [replica, replica], kvCache: pagedKvCache() },
  requests,
  router: { name: 'in_turn', route: (_, { backends }) => backends[turn++ % backends.length] },
  seed: 1,
})

for (let i = 0; i < requests.size; i++) {
  const ttftMs = (outcomes.firstTokenMs[i] - requests.arrivalMs[i]).toFixed(2)
  console.log(
    `request ${i}: backend ${outcomes.backend[i]}, ${outcomes.cachedTokens[i]} tokens cached, TTFT ${ttftMs} ms`,
  )
}
