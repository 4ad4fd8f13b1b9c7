// Four routers of our own, written in TypeScript, against two built-in ones. Run it with: node compare.mjs
// They see what Dynamo's router sees: KV events, and their own account of what is under way.
import { fileURLToPath } from 'node:url'
import { compare, metric } from '@routesim/experiments'
import { createJiti } from 'jiti'

const { import: load } = createJiti(import.meta.url)
const names = ['fewest-tokens', 'prefix-or-idle', 'learned-speed', 'kv-events']
const routers = await Promise.all(names.map((name) => load(`./${name}.ts`, { default: true })))
const [, prefixOrIdle] = routers
const file = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const { results, verdict } = await compare({
  config: file('configs/default.toml'),
  trace: file('traces/chat_sessions.jsonl.gz'),
  visibility: 'dynamo',
  algorithms: [
    'round_robin',
    'session_affinity',
    ...routers,
    { definition: prefixOrIdle, parameters: { max_extra: 2 }, label: 'prefix_or_idle:max_extra=2' },
  ],
})

for (const result of results) {
  const ttft = metric(result, 'ttft.p50').value.toFixed(1)
  const hits = (100 * metric(result, 'token_hit_rate').value).toFixed(1)
  console.log(`${result.algorithm}: TTFT p50 ${ttft} ms, ${hits} % of prompt tokens cached`)
}
console.log(verdict[0])
