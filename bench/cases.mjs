// What is measured. A case is a workload, a fleet and a router; files are made once, in a cache folder.
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { builtinRouters } from '@routesim/algorithms'
import { generateTrace, writeTrace } from '@routesim/traces'

export const MOONCAKE = fileURLToPath(
  new URL('../../shared/traces/mooncake/conversation_trace.jsonl.gz', import.meta.url),
)
const cache = join(tmpdir(), 'routesim-bench')

/** Traffic with one length, as peers are benchmarked with. */
const fixed = (rateRps, requests, promptTokens, outputTokens) => ({
  kind: 'poisson',
  rateRps,
  durationSec: requests / rateRps,
  lengthDistribution: 'fixed',
  promptTokensMean: promptTokens,
  promptTokensStd: 0,
  genTokensMean: outputTokens,
  genTokensStd: 0,
  numPrefixes: 0,
})

const compact = { rateRps: 500, durationSec: 2000, numPrefixes: 0 }
const shared = { rateRps: 500, durationSec: 600 }

/** Times a trace is repeated in the case named after it. */
const REPEATS = 20

/** Workloads by name: either generated in memory, or a file. */
const WORKLOADS = {
  mooncake: { file: () => MOONCAKE },
  mooncake20: { file: () => cached('mooncake20.jsonl', repeatMooncake) },
  compact1m: { file: () => cached('compact1m.jsonl', (path) => generated(path, compact)) },
  chat1m: { file: () => cached('chat1m.jsonl', writeChat) },
  r500: { generate: shared },
  r500for1m: { generate: { rateRps: 500, durationSec: 2000 } },
  r500for10m: { generate: { rateRps: 500, durationSec: 20_000 } },
  fixed512: { generate: fixed(16, 10_000, 512, 512) },
  fixed256: { generate: fixed(500, 100_000, 256, 256) },
}

/** One row of the table each; long ones run only when a filter names them. */
export const CASES = [
  {
    name: 'mooncake, 8, prefix_overlap',
    workload: 'mooncake',
    backends: 8,
    router: 'prefix_overlap',
  },
  { name: 'mooncake, 8, round_robin', workload: 'mooncake', backends: 8, router: 'round_robin' },
  {
    name: 'mooncake x20, 8, prefix_overlap',
    workload: 'mooncake20',
    backends: 8,
    router: 'prefix_overlap',
  },
  {
    name: 'compact 1M, 64, least_outstanding',
    workload: 'compact1m',
    backends: 64,
    router: 'least_outstanding',
  },
  {
    name: 'compact 300k at 500/s, 64, round_robin',
    workload: 'r500',
    backends: 64,
    router: 'round_robin',
  },
  {
    name: 'compact 300k at 500/s, 64, prefix_aware',
    workload: 'r500',
    backends: 64,
    router: 'prefix_aware',
  },
  {
    name: '10k of 512/512, 16, round_robin',
    workload: 'fixed512',
    backends: 16,
    router: 'round_robin',
  },
  {
    name: '100k of 256/256, 64, round_robin',
    workload: 'fixed256',
    backends: 64,
    router: 'round_robin',
  },
  {
    name: 'generated 10M, 64, round_robin',
    workload: 'r500for10m',
    backends: 64,
    router: 'round_robin',
    isLong: true,
  },
  {
    name: 'chat 1M, 64, prefix_overlap',
    workload: 'chat1m',
    backends: 64,
    router: 'prefix_overlap',
  },
]

/** The same traffic over growing fleets. */
export const SCALING = [8, 64, 256, 1024].map((backends) => ({
  name: `mooncake, ${backends}, prefix_overlap`,
  workload: 'mooncake',
  backends,
  router: 'prefix_overlap',
}))

/** Every built-in router before the same traffic, and those with an index of their own also with that. */
export const ROUTERS = builtinRouters
  .flatMap(({ name, parameters }) =>
    parameters.index === undefined ? [name] : [name, `${name}:index=approximate`],
  )
  .map((router) => ({
    name: `mooncake x20, 64, every router: ${router}`,
    workload: 'mooncake20',
    backends: 64,
    router,
    isLong: true,
  }))

/** Long traffic without per-request results. */
export const STREAMED = ['r500for1m', 'r500for10m'].map((workload) => ({
  name: 'generated 10M, 64, round_robin',
  workload,
  backends: 64,
  router: 'round_robin',
  isLong: true,
}))

/** Sixteen runs on one and on two worker threads: of the Mooncake trace, or of generated load. */
export const PARALLEL = ['mooncake20', 'r500'].map((name) => ({
  name: `16 runs of ${name}, prefix_overlap`,
  workload: name,
  backends: name === 'r500' ? 64 : 8,
  router: 'prefix_overlap',
  runs: 16,
}))

/** @returns the workload's file, or the options that generate it */
export async function workload(name) {
  const { file, generate } = WORKLOADS[name]
  return { file: file === undefined ? undefined : await file(), generate }
}

export const needsMooncake = (name) => name.startsWith('mooncake')

async function cached(name, make) {
  const path = join(cache, name)
  if (existsSync(path)) return path
  mkdirSync(cache, { recursive: true })
  process.stderr.write(`Making ${name} (once)...\n`)
  await make(`${path}.part`)
  renameSync(`${path}.part`, path)
  return path
}

async function generated(path, options) {
  await writeTrace(path, generateTrace(options), 'compact_jsonl')
}

/** The published conversation trace again and again, each time after the last, with the same ids. */
async function repeatMooncake(path) {
  const lines = []
  const text = createReadStream(MOONCAKE).pipe(createGunzip())
  for await (const line of createInterface({ input: text })) lines.push(JSON.parse(line))
  const spanMs = lines.at(-1).timestamp + 3000
  await pipeline(function* repeated() {
    for (let i = 0; i < REPEATS; i++) {
      for (const line of lines) {
        yield `${JSON.stringify({ ...line, timestamp: line.timestamp + i * spanMs })}\n`
      }
    }
  }, createWriteStream(path))
}

/** A million chat requests in Mooncake's format: 36 blocks of 64 tokens, 24 of them shared by a group. */
async function writeChat(path) {
  const groups = 2000
  let fresh = groups * 24
  let seed = 1
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 4294967296
  }
  await pipeline(function* chats() {
    for (let i = 0; i < 1_000_000; i++) {
      const group = Math.floor(groups * random() ** 2)
      const ids = Array.from({ length: 36 }, (_, j) => (j < 24 ? group * 24 + j : fresh++))
      const request = { timestamp: i * 2, input_length: 36 * 64, output_length: 64 + (i % 128) }
      yield `${JSON.stringify({ ...request, hash_ids: ids })}\n`
    }
  }, createWriteStream(path))
}
