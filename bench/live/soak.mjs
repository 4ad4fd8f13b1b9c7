// `node bench/live/soak.mjs [--requests N] [--seed N]`, after a build: a router among random faults. Workers
// in processes of their own answer with errors, break off, hang, are late, are killed and start over with
// the same ports; clients go away, stop reading, and send what is no request. At the end every request must
// have ended in one counted state, nothing may be left on the router or its workers, and what the router
// keeps in memory, after garbage collection, must be within 5% of what it kept after the first fifth.
import { fork, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { RandomStream } from '@routesim/core'
import { Pool } from 'undici'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
})
const [requests, seed] = [values.requests, values.seed].map(Number)
if (!(Number.isInteger(requests) && requests >= 1000)) {
  console.error(`--requests: expected an integer >= 1000, got ${values.requests}`)
  process.exit(2)
}

const WORKERS = 4
const CLIENTS = 48
const KILL_EVERY_MS = 4000
const SAMPLES = 8
const TOLERANCE = 0.05
const bin = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const random = new RandomStream(seed, 'soak')
const pick = (list) => list[random.integer(list.length)]

/** Prompts that share beginnings, each some 300 tokens. */
const prompts = Array.from({ length: 60 }, (_, i) =>
  `Prefix ${i % 6}. `.padEnd(800, 'and on it goes ').concat(`ending ${i} `.repeat(40)),
)

async function startWorker(port, index) {
  const faults = ['--error-rate', '0.03', '--break-rate', '0.03', '--hang-rate', '0.002']
  const late = ['--latency-spike', '0.01:200', '--speedup-ratio', '100', '--block-size', '16']
  const ports = ['--num-workers', '1', '--port', String(port), '--seed', String(seed + index)]
  const args = [bin, 'mock-workers', ...ports, ...faults, ...late]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const line = await new Promise((resolve, reject) => {
    let text = ''
    child.on('exit', (code) => reject(new Error(`worker ${index} ended with ${code}`)))
    child.stdout.on('data', (piece) => {
      text += piece
      if (text.includes('\n')) resolve(text.split('\n')[0])
    })
  })
  child.removeAllListeners('exit')
  return { child, url: JSON.parse(line).url }
}

const workers = await Promise.all(Array.from({ length: WORKERS }, (_, i) => startWorker(0, i)))
const router = fork(fileURLToPath(new URL('soak-router.mjs', import.meta.url)), {
  execArgv: ['--expose-gc'],
})
process.on('exit', () => {
  for (const { child } of workers) child.kill('SIGKILL')
  router.kill('SIGKILL')
})
const told = () => new Promise((resolve) => router.once('message', resolve))
router.send({
  config: {
    algorithm: 'dynamo_kv',
    workers: workers.map(({ url }) => ({ url })),
    first_byte_timeout_ms: 500,
    // Of answers that are not streamed, where workers hang.
    request_timeout_ms: 5000,
    health_interval_ms: 200,
    breaker_open_ms: 500,
    client_timeout_ms: 1000,
    // Full from early on, so that growth is growth.
    decisions: 200,
  },
})
const { url } = await told()
const ask = () => {
  router.send('measure')
  return told()
}

const { hostname, port } = new URL(url)
const pool = new Pool(url, { connections: null, pipelining: 1 })
const seen = { answered: 0, refused: 0, brokeOff: 0, gone: 0, nonsense: 0, deaf: 0 }

function bodyOf(stream) {
  const max_tokens = 1 + random.integer(30)
  return JSON.stringify({ model: 'mock-model', prompt: pick(prompts), max_tokens, stream })
}

async function ordinary(goesAway) {
  const signal = goesAway ? AbortSignal.timeout(1 + random.integer(30)) : undefined
  try {
    const { statusCode, body } = await pool.request({
      path: '/v1/completions',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: bodyOf(random.float() < 0.5),
      ...(signal === undefined ? {} : { signal }),
    })
    await body.text()
    seen[statusCode === 200 ? 'answered' : 'refused']++
  } catch {
    seen[goesAway ? 'gone' : 'brokeOff']++
  }
}

/** Bytes of a client that is broken, or that never reads. */
function raw(bytes, kind) {
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    const timer = setTimeout(() => socket.destroy(), kind === 'deaf' ? 300 : 50)
    if (kind === 'deaf') socket.pause()
    else socket.resume()
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      seen[kind]++
      resolve()
    })
  })
}

function post(body) {
  return `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

async function oneRequest() {
  const draw = random.float()
  if (draw < 0.02)
    return raw(pick([post('{"prompt":'), post('[]'), 'GET / HTTP/9\r\n\r\n']), 'nonsense')
  if (draw < 0.025) return raw(post(bodyOf(true)), 'deaf')
  return ordinary(draw < 0.06)
}

let begun = 0
async function load(until) {
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (begun < until) {
        begun++
        await oneRequest()
      }
    }),
  )
}

let kills = 0
let restarting = Promise.resolve()
function killOne() {
  restarting = restarting.then(async () => {
    const index = random.integer(WORKERS)
    const old = workers[index]
    await new Promise((resolve) => {
      old.child.on('exit', resolve)
      old.child.kill('SIGKILL')
    })
    workers[index] = await startWorker(Number(new URL(old.url).port), index)
    kills++
  })
}

/** All that was begun has ended, also on the other side of what broke. */
async function settled() {
  for (let tries = 0; tries < 200; tries++) {
    const state = await ask()
    if (state.inFlight === 0) return state
  }
  throw new Error('requests are stuck on the router')
}

const killer = setInterval(killOne, KILL_EVERY_MS)
const startMs = performance.now()
const first = Math.max(requests / 5, 1000)
const samples = []
console.log('  requests   kept MB   RSS MB')
for (let i = 0; i < SAMPLES; i++) {
  await load(Math.round(first + (i * (requests - first)) / (SAMPLES - 1)))
  const state = await settled()
  samples.push(state)
  const cells = [String(begun).padStart(10), state.keptMb.toFixed(2).padStart(10)]
  console.log(`${cells.join('')}${state.rssMb.toFixed(0).padStart(9)}`)
}
clearInterval(killer)
await restarting
const last = await settled()
const seconds = (performance.now() - startMs) / 1000
await pool.destroy()

const ended = Object.values(last.ends).reduce((sum, count) => sum + count, 0)
const growth = samples.at(-1).keptMb / samples[0].keptMb - 1
const left = last.onWorkers.flat().reduce((sum, count) => sum + count, 0)
console.log(
  `${begun} requests in ${seconds.toFixed(0)} s; ${kills} workers killed; ${last.retries} requests tried again`,
)
console.log(`clients saw ${JSON.stringify(seen)}`)
console.log(`the router counted ${last.begun}: ${JSON.stringify(last.ends)}`)
console.log(`memory kept: ${(growth * 100).toFixed(1)}% more than after the first fifth`)
const faults = [
  ended !== last.begun && `${last.begun} requests began, ${ended} ended`,
  left !== 0 && `something is left on workers: ${JSON.stringify(last.onWorkers)}`,
  last.ends.completed < 0.8 * last.begun && 'fewer than 80% were completed',
  growth > TOLERANCE && 'memory grows',
].filter(Boolean)
for (const worker of workers) {
  const load = await (await fetch(`${worker.url}/load`)).json()
  if (load.num_running_reqs > 0) faults.push(`${load.num_running_reqs} requests run on for nobody`)
}
for (const fault of faults) console.error(`FAULT: ${fault}`)
process.exit(faults.length === 0 ? 0 : 1)
