// A router of our own, written in TypeScript, against two built-in ones. Run it with: node compare.mjs
// The same with the command, from the top of the repository:
//   routesim compare -c configs/default.toml -t traces/chat_sessions.jsonl.gz \
//     -A round_robin,session_affinity,examples/custom-router/prefix-or-idle.ts
import { fileURLToPath } from 'node:url'
import { compare, metric } from '@routesim/experiments'
import { createJiti } from 'jiti'

const prefixOrIdle = await createJiti(import.meta.url).import('./prefix-or-idle.ts', {
  default: true,
})
const file = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const { results, verdict } = await compare({
  config: file('configs/default.toml'),
  trace: file('traces/chat_sessions.jsonl.gz'),
  algorithms: [
    'round_robin',
    'session_affinity',
    prefixOrIdle,
    { definition: prefixOrIdle, parameters: { max_extra: 2 }, label: 'prefix_or_idle:max_extra=2' },
  ],
})

for (const result of results) {
  const ttft = metric(result, 'ttft.p50').value.toFixed(1)
  const hits = (100 * metric(result, 'token_hit_rate').value).toFixed(1)
  console.log(`${result.algorithm}: TTFT p50 ${ttft} ms, ${hits} % of prompt tokens cached`)
}
console.log(verdict[0])
