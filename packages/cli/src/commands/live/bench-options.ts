import { mkdir } from 'node:fs/promises'
import { RouteSimError } from '@routesim/core'
import { buildFleet, type Config } from '@routesim/experiments'
import type { MockClusterFlags } from '@routesim/live'
import {
  type BenchTarget,
  type Endpoint,
  isOnSchedule,
  type LoadMetrics,
  type LoadRun,
  loadAlgorithmFactory,
  makeAlgorithm,
  serveDifferently,
} from '@routesim/live'
import type { Options } from 'yargs'
import { checkOne } from '../../algorithm-list.js'
import { outputFailed } from '../../output/write-results.js'
import { UsageError } from '../../usage-error.js'
import { refuseBeside } from '../refuse-beside.js'
import { checkNumbers } from './check-numbers.js'
import { CLUSTER_OPTIONS, clusterOf } from './worker-options.js'

/** Options of all benchmarks. */
export const BENCH_OPTIONS: Record<string, Options> = {
  ...CLUSTER_OPTIONS,
  url: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Server to load, several for several routers; simulated without any',
  },
  algorithm: {
    alias: 'a',
    type: 'string',
    default: 'dynamo_kv',
    requiresArg: true,
    describe: 'Algorithm to simulate',
  },
  model: {
    type: 'string',
    default: 'mock-model',
    requiresArg: true,
    describe: 'Name of the model',
  },
  endpoint: {
    choices: ['chat', 'completions'],
    default: 'chat',
    requiresArg: true,
    describe: 'Endpoint to load',
  },
  'use-expected-osl': {
    type: 'boolean',
    describe: 'Tell servers how long answers will be (nvext.agent_hints.osl)',
  },
  'token-ids': { type: 'boolean', describe: 'Send prompts as token ids (completions only)' },
  'request-timeout': {
    type: 'number',
    default: 3600,
    requiresArg: true,
    describe: 'Seconds that a request may take',
  },
  seed: { type: 'number', default: 0, requiresArg: true, describe: 'Seed' },
}

/** The options above as the parser gives them. */
export interface BenchArguments extends MockClusterFlags {
  url?: readonly string[]
  algorithm: string
  model: string
  endpoint: Endpoint
  tokenIds?: boolean
  useExpectedOsl?: boolean
  requestTimeout: number
  seed: number
}

/** What a benchmark loads. */
export async function targetOf(args: BenchArguments): Promise<BenchTarget> {
  checkNumbers(args, { requestTimeout: 'seconds', seed: 'index' })
  checkOne(args.algorithm, '--algorithm')
  if (args.url !== undefined) {
    refuseBeside(args, Object.keys(CLUSTER_OPTIONS), '--url; it is for a cluster that is simulated')
    if (args.tokenIds === true && args.endpoint === 'chat')
      throw new UsageError('--token-ids: expected --endpoint completions with it, got chat')
    for (const url of args.url) {
      if (!/^https?:\/\/[^/]/.test(url))
        throw new UsageError(
          `--url: expected an address such as http://127.0.0.1:8000, got "${url}"`,
        )
    }
    return {
      kind: 'live',
      urls: args.url.map((url) => url.replace(/\/+$/, '')),
      model: args.model,
      endpoint: args.endpoint,
      sendsIds: args.tokenIds === true,
      tellsOutput: args.useExpectedOsl === true,
      apiKey: process.env['ROUTESIM_API_KEY'],
      timeoutMs: args.requestTimeout * 1000,
    }
  }
  return simulatedTarget(await clusterOf(args), args.algorithm)
}

async function simulatedTarget(config: Config, algorithm: string): Promise<BenchTarget> {
  const create = await loadAlgorithmFactory(algorithm, config.algorithms)
  const { cluster } = buildFleet(config)
  const { enabled: isSplit, decode_decision: decodeAt } = config.cluster.disaggregated
  const router = () =>
    makeAlgorithm(create, isSplit, () => serveDifferently(cluster.backends), { decodeAt })
  return { kind: 'simulated', cluster, router }
}

/**
 * Makes the folder of a benchmark before the work begins.
 * @throws RouteSimError `output_failed`
 */
export async function makeFolder(path: string | undefined): Promise<void> {
  if (path === undefined) return
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw outputFailed(path, cause)
    throw new RouteSimError(`${path}: expected a folder, got a file`, {
      code: 'output_failed',
      path,
      cause,
    })
  }
}

/** What a target is called in files and plots. */
export function labelOf(args: BenchArguments): string {
  return args.url === undefined ? `simulated ${args.algorithm}` : args.url.join(', ')
}

/** Metrics in lines, and a warning when the client was too slow. */
export function printMetrics(metrics: LoadMetrics): void {
  const figure = (tag: string): string => {
    const { avg, p50, p99, unit } = metrics[tag] ?? { avg: Number.NaN, unit: '' }
    const tail = p99 === undefined ? '' : `  p50 ${p50?.toFixed(2)}  p99 ${p99.toFixed(2)}`
    return `  ${tag.padEnd(34)} ${avg.toFixed(2).padStart(12)} ${unit.padEnd(16)}${tail}`
  }
  for (const tag of Object.keys(metrics)) console.log(figure(tag).trimEnd())
  warnOfLag(metrics)
}

/**
 * Says which requests failed, and why.
 * @throws RouteSimError `bench_failed` when there is nothing to measure, and nobody stopped it
 */
export function checkAnswered(runs: readonly LoadRun[]): void {
  const all = runs.flatMap(({ measurements }) => measurements)
  const failed = failuresOf(runs)
  if (failed === undefined) return
  const { count, reasons } = failed
  if (count < all.length) {
    console.error(`note: ${count} of ${all.length} requests failed: ${reasons}`)
    return
  }
  throw new RouteSimError(`all of the ${count} requests failed: ${reasons}`, {
    code: 'bench_failed',
    hint: /^\d+ with status 401$/.test(reasons)
      ? 'The server asks for a key: set ROUTESIM_API_KEY to it.'
      : 'Is the server up, and does it serve the model? routesim ping tells.',
  })
}

/** Failed requests with their reasons, the most frequent first; undefined when there are none. */
function failuresOf(runs: readonly LoadRun[]): { count: number; reasons: string } | undefined {
  const errors = runs.flatMap(({ measurements }) =>
    measurements.flatMap(({ error }) => error ?? []),
  )
  if (errors.length === 0) return undefined
  const counts = new Map<string, number>()
  for (const error of errors) counts.set(error, (counts.get(error) ?? 0) + 1)
  const reasons = [...counts].sort(([, a], [, b]) => b - a).map(([why, n]) => `${n} with ${why}`)
  return { count: errors.length, reasons: reasons.join(', ') }
}

/** Says so when figures are of a part of the requests, because of Ctrl-C. @param requests - asked for */
export function noteStop(runs: readonly LoadRun[], requests: number): void {
  if (!runs.some(({ wasCancelled }) => wasCancelled)) return
  const sent = runs.reduce((sum, { measurements }) => sum + measurements.length, 0)
  console.error(`note: stopped after ${sent} of ${requests} requests`)
}

/** Says so when figures are not those of the load that was asked for. */
export function warnOfLag(metrics: LoadMetrics): void {
  if (isOnSchedule(metrics)) return
  const lag = metrics['schedule_lag']!.p99!.toFixed(0)
  console.error(
    `note: requests were sent late (P99 ${lag} ms): the load was not the one asked for, because of a slow client or a limit of concurrency`,
  )
}
