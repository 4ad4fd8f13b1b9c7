import { isDeepStrictEqual } from 'node:util'
import { RouteSimError } from '@routesim/core'
import type { Config } from '@routesim/experiments'
import { buildFleet, keepsEvicted, parseConfig } from '@routesim/experiments'
import {
  type FailureOptions,
  type MockClusterFlags,
  type MockWorkers,
  mockClusterConfig,
  type RouterConfigInput,
  startMockWorkers,
} from '@routesim/live'
import type { Options } from 'yargs'
import { UsageError } from '../../usage-error.js'
import { refuseBeside } from '../refuse-beside.js'
import { checkNumbers } from './check-numbers.js'

const number = (describe: string, fallback?: number): Options => ({
  type: 'number',
  requiresArg: true,
  describe,
  ...(fallback === undefined ? {} : { default: fallback }),
})

/** What `mock-workers`, `up`, `bench` and `twin` say of the cluster. */
export const CLUSTER_OPTIONS: Record<string, Options> = {
  config: {
    alias: 'c',
    type: 'string',
    requiresArg: true,
    describe: "Config of the simulator; by default Dynamo's mock engine",
  },
  'num-workers': number('Workers (default 8)'),
  'num-prefill-workers': number('Workers that only compute prompts'),
  'num-decode-workers': number('Workers that only answer'),
  'block-size': number('Tokens of a KV block (default 64)'),
  'num-gpu-blocks': number('KV blocks of a worker (default 16384)'),
  'max-num-seqs': number('Requests in one batch (default 256)'),
  'max-num-batched-tokens': number('Tokens in one step (default 8192)'),
  'max-model-len': number('Tokens of a prompt and its answer (default what the KV cache holds)'),
  'dp-size': number('Data-parallel ranks of a worker (default 1)'),
}

/** What mock workers take beside. */
export const WORKER_OPTIONS: Record<string, Options> = {
  'speedup-ratio': number('How much faster than in reality time passes', 1),
  'startup-time': number('Seconds that workers answer 503 after their start', 0),
  'model-name': {
    type: 'string',
    default: 'mock-model',
    requiresArg: true,
    describe: 'Name of the model, where the config gives none',
  },
  'default-max-tokens': number('Output tokens of requests without a limit', 16),
  'kv-events-port': number('ZMQ port of the first worker for KV events, 0 for any'),
  'kv-replay-port': number('The same for the replay of lost events', 0),
  'latency-spike': {
    type: 'string',
    requiresArg: true,
    describe: 'Share of requests that begin late and by how many ms, such as 0.01:2000',
  },
  'error-rate': number('Share of requests answered with 500', 0),
  'hang-rate': number('Share of requests never answered', 0),
  'break-rate': number('Share of requests whose answer breaks off', 0),
  'hang-after': number('Seconds after which workers stop answering'),
  'crash-after': number('Seconds after which the process ends as if it crashed'),
  'failing-worker': number('The one worker that fails; all by default'),
  seed: number('Seed of failures', 42),
}

/** The options above as the parser gives them. */
export interface WorkerArguments extends MockClusterFlags {
  speedupRatio: number
  startupTime: number
  modelName: string
  defaultMaxTokens: number
  kvEventsPort?: number
  kvReplayPort: number
  latencySpike?: string
  errorRate: number
  hangRate: number
  breakRate: number
  hangAfter?: number
  crashAfter?: number
  failingWorker?: number
  seed: number
}

/** Mock workers that are up, and what they simulate. */
export interface StartedWorkers extends MockWorkers {
  readonly config: Config
  readonly blockTokens: number
}

/** Starts mock workers as the command line says. */
export async function startWorkers(
  args: WorkerArguments,
  host: string,
  port: number,
): Promise<StartedWorkers> {
  checkNumbers(args, {
    ...{ speedupRatio: 'positive', startupTime: 'seconds', defaultMaxTokens: 'count' },
    ...{ errorRate: 'share', hangRate: 'share', breakRate: 'share', failingWorker: 'index' },
    ...{ hangAfter: 'seconds', crashAfter: 'seconds', seed: 'index' },
    ...{ kvEventsPort: 'port', kvReplayPort: 'port' },
  })
  const config = await clusterOf(args)
  refuseOffload(config)
  const { cluster } = buildFleet(config)
  const count = cluster.backends.length
  if (args.failingWorker !== undefined && args.failingWorker >= count)
    throw new UsageError(
      `--failing-worker: expected one of the workers 0 to ${count - 1}, got ${args.failingWorker}`,
    )
  checkPorts('port', port, count)
  checkPorts('kv-events-port', args.kvEventsPort, count)
  checkPorts('kv-replay-port', args.kvReplayPort, count)
  const mocks = await startMockWorkers({
    cluster,
    host,
    port,
    prefixCaching: config.cluster.prefix_caching,
    model: args.modelName,
    speedup: args.speedupRatio,
    startupMs: args.startupTime * 1000,
    defaultMaxTokens: args.defaultMaxTokens,
    seed: args.seed,
    failures: failuresOf(args),
    failingWorker: args.failingWorker,
    kvEvents:
      args.kvEventsPort === undefined
        ? undefined
        : {
            port: args.kvEventsPort,
            replayPort: args.kvReplayPort,
            topic: '',
            bufferedBatches: 10_000,
          },
  })
  if (args.crashAfter !== undefined) {
    // A process that has ended before does not wait for its crash.
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), args.crashAfter * 1000).unref()
  }
  return { ...mocks, config, blockTokens: cluster.backends[0]!.kv.blockTokens }
}

/** Each worker has the port after the one before. @throws UsageError */
function checkPorts(flag: string, first: number | undefined, count: number): void {
  if (first === undefined || first === 0 || first + count - 1 <= 65_535) return
  throw new UsageError(
    `--${flag}: expected ports for ${count} workers, ${first} is followed by ${65_535 - first}`,
  )
}

/** The config of the cluster that the command line describes. */
export async function clusterOf(args: MockClusterFlags): Promise<Config> {
  checkNumbers(args, {
    ...{ numWorkers: 'count', numPrefillWorkers: 'count', numDecodeWorkers: 'count' },
    ...{ blockSize: 'count', numGpuBlocks: 'count', maxNumSeqs: 'count' },
    ...{ maxNumBatchedTokens: 'count', maxModelLen: 'count', dpSize: 'count' },
  })
  checkPools(args)
  const config = await mockClusterConfig(args)
  printIdleSections(config)
  return config
}

/** Workers are all alike, or some prefill and others decode. @throws UsageError */
function checkPools(args: MockClusterFlags): void {
  const { numPrefillWorkers: prefill, numDecodeWorkers: decode } = args
  if (prefill === undefined && decode === undefined) return
  refuseBeside(args, ['num-workers'], '--num-prefill-workers and --num-decode-workers')
  if (prefill !== undefined && decode !== undefined) return
  const [given, missing] = prefill === undefined ? ['decode', 'prefill'] : ['prefill', 'decode']
  throw new UsageError(
    `--num-${missing}-workers: expected it beside --num-${given}-workers, got none`,
  )
}

/**
 * Mock workers have no memory below their KV caches.
 * @throws RouteSimError `config_invalid`
 */
export function refuseOffload({ cluster }: Config): void {
  const groups = [cluster, ...(cluster.backends ?? [])]
  const at = groups.findIndex(({ kv_offload: offload }) => keepsEvicted(offload))
  if (at === -1) return
  const path = at === 0 ? 'cluster.kv_offload' : `cluster.backends.${at - 1}.kv_offload`
  throw new RouteSimError(
    `${path}: expected no memory for evicted blocks, as mock workers know contents only while they are cached`,
    { code: 'config_invalid', path, hint: 'Leave it out, or simulate it with routesim run.' },
  )
}

/** What of a config is for runs of the simulator alone. */
const ONLY_IN_RUNS = {
  client: '[client]',
  events: '[[events]]',
  visibility: '[visibility]',
} as const

/** Names the sections of a config that say nothing to mock workers, and to the client and router before them. */
function printIdleSections(config: Config): void {
  const defaults = parseConfig('[cluster]\nnum_backends = 1', 'defaults')
  for (const [key, section] of Object.entries(ONLY_IN_RUNS)) {
    const name = key as keyof typeof ONLY_IN_RUNS
    if (!isDeepStrictEqual(config[name], defaults[name]))
      console.error(`note: ${section} has no effect here; run and compare simulate it`)
  }
}

/** Says what of a config the routers do not do that really run. */
export function printLiveNotes({ cluster }: Config): void {
  const { enabled, decode_decision } = cluster.disaggregated
  if (!enabled || decode_decision === 'arrival') return
  console.error(
    `note: cluster.disaggregated.decode_decision: a live router decides on arrival where to decode, not at "${decode_decision}"`,
  )
}

/** Whether the command line asks for workers that do not always answer, or not in time. */
export function failsOnPurpose(args: WorkerArguments): boolean {
  const { errorRate, hangRate, breakRate, hangAfter, latencySpike } = args
  return (
    errorRate + hangRate + breakRate > 0 || hangAfter !== undefined || latencySpike !== undefined
  )
}

function failuresOf(args: WorkerArguments): FailureOptions {
  const spike = /^([\d.]+):(\d+)$/.exec(args.latencySpike ?? '0:0')
  if (spike === null) {
    throw new UsageError(
      `--latency-spike: expected share:ms such as 0.01:2000, got "${args.latencySpike}"`,
    )
  }
  return {
    errorRate: args.errorRate,
    hangRate: args.hangRate,
    breakRate: args.breakRate,
    spikeRate: Number(spike[1]),
    spikeMs: Number(spike[2]),
    hangAfterMs: args.hangAfter === undefined ? undefined : args.hangAfter * 1000,
  }
}

/** Workers as a router's config has them. */
export function routerWorkers({ workers, config }: StartedWorkers): RouterConfigInput['workers'] {
  const { backends } = buildFleet(config).cluster
  return workers.map(({ url, role, kvEvents, kvReplay }, id) => {
    const { maxNumSeqs, maxBatchTokens, kv, dp = 1 } = backends[id]!
    return {
      url,
      role,
      max_num_seqs: maxNumSeqs,
      max_batch_tokens: maxBatchTokens,
      kv_tokens: kv.blocks * kv.blockTokens * dp,
      ...(kvEvents === undefined ? {} : { kv_events: kvEvents }),
      ...(kvReplay === undefined ? {} : { kv_replay: kvReplay }),
    }
  })
}
