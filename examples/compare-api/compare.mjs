// How many backends does this traffic need? Compares two routers at several sizes of the fleet, and
// prints the smallest that keeps the TTFT of 99 % of requests below a second. Run it with:
//   node compare.mjs
import { compare, metric, parseConfig } from '@routesim/experiments'

const TARGET_MS = 1000

const config = (backends) =>
  parseConfig(`
    [simulation]
    warmup_requests = 100
    [cluster]
    num_backends = ${backends}
    kv_cache_blocks = 8192
    [trace]
    generator = "poisson"
    rate = 40
    duration_sec = 60
    prompt_tokens_mean = 4000
    gen_tokens_mean = 100
    num_prefixes = 100
    prefix_len_mean = 3000
  `)

const enough = new Map()
for (const backends of [3, 4, 5, 6, 7]) {
  const algorithms = ['round_robin', 'prefix_overlap:cache_weight=0.5']
  const { results } = await compare({ config: config(backends), algorithms })
  for (const result of results) {
    const { algorithm } = result
    const ttftMs = metric(result, 'ttft.p99').value
    const hitRate = metric(result, 'token_hit_rate').value
    console.log(
      `${backends} backends, ${algorithm}: TTFT p99 ${ttftMs.toFixed(0)} ms, hits ${(100 * hitRate).toFixed(0)} %`,
    )
    if (ttftMs < TARGET_MS && !enough.has(algorithm)) enough.set(algorithm, backends)
  }
}
for (const [algorithm, backends] of enough) console.log(`${algorithm} needs ${backends}`)
