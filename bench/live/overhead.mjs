// `node bench/live/overhead.mjs [--rounds N] [--seconds S] [-o FILE]`, after a build: what the router adds. Eight workers that answer at once; the same load straight to them, through nginx
// (round robin, one process; where it is installed, or NGINX_BIN names it) and through `routesim serve`, in
// turns, all on this machine with the client. Latency: medians over rounds of the difference to the
// straight way, and the difference of the quietest rounds, which is what is left of the P99 when nobody else
// wants the cores. The machine should have nothing else to do: its load is printed.
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { asManyAsGo, atRate, heldStreams, Target } from './load.mjs'
import { nginxVersion, startNginx, startRouter, startWorkers, usageOf } from './proxies.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '6' },
    output: { type: 'string', short: 'o' },
  },
})
const rounds = count('rounds')
const seconds = count('seconds')
function count(name) {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= 1) return value
  console.error(`--${name}: expected an integer >= 1, got ${values[name]}`)
  process.exit(2)
}

const WORKERS = 8
const RATE_RPS = 500
const CONCURRENCY = 64
const STREAMS = 2000
const STREAM_TOKENS = 20
const STREAM_GAP_MS = 1000
const STREAM_PROMPT_BYTES = 4096

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]

const workers = await startWorkers(WORKERS, STREAM_GAP_MS)
const version = nginxVersion()
if (version === undefined) console.log('nginx is not installed: it is left out.')
const proxies = [
  ...(version === undefined ? [] : [await startNginx(workers.urls)]),
  await startRouter(workers.urls, 'round_robin'),
  await startRouter(workers.urls, 'dynamo_kv'),
]
const targets = [
  { name: 'straight', pids: () => [], target: new Target(workers.urls) },
  ...proxies.map((proxy) => ({ ...proxy, target: new Target([proxy.url]) })),
]
const load = loadavg()[0].toFixed(2)
const machine = `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}, load ${load}`
console.log(`${machine}${version === undefined ? '' : `, nginx ${version}`}\n`)
const report = { machine, nginx: version ?? null, rounds, seconds, targets: {} }

// Compiled code and open connections, as in a process that has been up for a while.
for (const { target } of targets) await asManyAsGo(target, CONCURRENCY, 3)

const latency = targets.map(() => [])
for (let round = 0; round < rounds; round++) {
  for (const [i, { target }] of targets.entries()) {
    const { latencies, lagMs } = await atRate(target, RATE_RPS, seconds)
    latency[i].push({ p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), lagMs })
  }
}
const throughput = targets.map(() => [])
const cpu = targets.map(() => [])
for (let round = 0; round < rounds; round++) {
  for (const [i, { target, pids }] of targets.entries()) {
    const before = usageOf(pids())
    const startMs = performance.now()
    const rps = await asManyAsGo(target, CONCURRENCY, seconds)
    const requests = (rps * (performance.now() - startMs)) / 1000
    throughput[i].push(rps)
    cpu[i].push(((usageOf(pids()).cpuSec - before.cpuSec) / requests) * 1e6)
  }
}

console.log(`${rounds} rounds of ${seconds} s, ${WORKERS} workers; ms at ${RATE_RPS} requests/s`)
console.log(
  'target                    P50    P99  added P50  added P99  quietest P99  sent late  requests/s  CPU us/request',
)
for (const [i, { name }] of targets.entries()) {
  const of = (key) => median(latency[i].map((each) => each[key]))
  const added = (key) => median(latency[i].map((each, round) => each[key] - latency[0][round][key]))
  const quietest = (from) => Math.min(...from.map(({ p99 }) => p99))
  const row = {
    addedQuietestP99Ms: quietest(latency[i]) - quietest(latency[0]),
    p50Ms: of('p50'),
    p99Ms: of('p99'),
    addedP50Ms: added('p50'),
    addedP99Ms: added('p99'),
    sentLateMs: of('lagMs'),
    requestsPerSec: median(throughput[i]),
    cpuUsPerRequest: i === 0 ? null : median(cpu[i]),
  }
  report.targets[name] = row
  const cells = [
    name.padEnd(22),
    row.p50Ms.toFixed(2).padStart(7),
    row.p99Ms.toFixed(2).padStart(7),
    (i === 0 ? '-' : row.addedP50Ms.toFixed(2)).padStart(11),
    (i === 0 ? '-' : row.addedP99Ms.toFixed(2)).padStart(11),
    (i === 0 ? '-' : row.addedQuietestP99Ms.toFixed(2)).padStart(14),
    row.sentLateMs.toFixed(2).padStart(11),
    Math.round(row.requestsPerSec).toLocaleString('en-US').padStart(12),
    (i === 0 ? '-' : row.cpuUsPerRequest.toFixed(0)).padStart(16),
  ]
  console.log(cells.join(''))
}

console.log(
  `\n${STREAMS} streams at once, a chunk each ${STREAM_GAP_MS} ms, prompts of ${STREAM_PROMPT_BYTES} bytes`,
)
console.log('target                 whole  all open after s  most MB')
for (const { name, target, pids } of targets.slice(1)) {
  let mostMb = 0
  let openMs = Number.NaN
  const startMs = performance.now()
  const watch = setInterval(() => {
    mostMb = Math.max(mostMb, usageOf(pids()).rssMb)
  }, 100)
  const whole = await heldStreams(target, STREAMS, STREAM_TOKENS, STREAM_PROMPT_BYTES, () => {
    openMs = performance.now() - startMs
  })
  clearInterval(watch)
  Object.assign(report.targets[name], { streamsWhole: whole, streamsMostMb: mostMb })
  const cells = [
    name.padEnd(22),
    String(whole).padStart(6),
    (openMs / 1000).toFixed(1).padStart(18),
    mostMb.toFixed(0).padStart(9),
  ]
  console.log(cells.join(''))
}

await Promise.all(targets.map(({ target }) => target.close()))
await Promise.all(proxies.map(({ stop }) => stop()))
await workers.stop()
if (values.output !== undefined) {
  writeFileSync(values.output, `${JSON.stringify(report, undefined, 2)}\n`)
  console.log(`\nWrote ${values.output}`)
}
