import { chwblPrefix, leastOutstanding, type RouterDefinition, random } from '@routesim/algorithms'
import { simulate } from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { type CsvRow, numberIn, numbersIn } from '../data/csv-rows.js'
import { deployment } from '../deployment.js'
import { type ChatLoad, chatWorkload } from '../load-generator/chat-workload.js'
import { stageMetrics } from '../load-generator/stage-metrics.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { type Metrics, rowsOf } from '../report/validation-row.js'
import type { PublishedRow, ValidationSet } from '../validation-set.js'
import { vllmOf } from '../vllm-releases.js'

const NAME = 'kubeai_8xL4_llama8b'
const PODS = 8
/** Thousands of requests need no more draws. */
const SEED = 1

/** Names in the two tables: a Kubernetes Service, fewest in flight, a bounded hash of 100 characters. */
const POLICIES: readonly (readonly [string, RouterDefinition, string | undefined])[] = [
  ['k8s_service', random, undefined],
  ['LeastLoad', leastOutstanding, 'kubeai'],
  ['PrefixHash', chwblPrefix, 'kubeai'],
]
const UNDERSCORED: Readonly<Record<string, string>> = {
  LeastLoad: 'least_load',
  PrefixHash: 'prefix_hash',
}

/** 800 conversations in 8000 prompts of 832 tokens in the mean, each a turn longer than the one before. */
const BENCH = {
  chats: 800,
  turns: 10,
  promptTokens: 832,
  answerTokens: 76,
  answers: 'exponential',
} as const
const BENCH_IN_FLIGHT = [800, 1600, 3200, 8000]
/** 8000 threads of 7.38 turns, prompts of 386 tokens and answers of 39 in the mean, 40 at most. */
const THREADS = {
  chats: 8000,
  turns: 7.378875,
  promptTokens: 386,
  answerTokens: 39,
  answers: 'equal',
} as const
const THREADS_IN_FLIGHT = [300, 600, 1200, 2400]

/** Balancers of KubeAI over 8 small GPUs; how prompts grow is modelled, not published. */
export const kubeAiSet: ValidationSet = {
  name: NAME,
  description: 'three balancers over 8 L4 with chats that grow',
  predict(data) {
    const bench = data.rows(NAME, 'bench_serving.csv')
    const threads = data.rows(NAME, 'multi_turn_threads.csv')
    return POLICIES.flatMap(([name, router, preset]) => [
      ...BENCH_IN_FLIGHT.flatMap((inFlight) => {
        const load = { ...BENCH, atOnce: BENCH.chats }
        const metrics = simulated(load, inFlight, router, preset)
        const policy = UNDERSCORED[name] ?? name
        const row = bench.find(isAt('max_concurrency', inFlight, policy))
        return rowsAt('bench_serving', policy, inFlight, benchColumns(metrics), row)
      }),
      ...THREADS_IN_FLIGHT.flatMap((inFlight) => {
        const metrics = simulated({ ...THREADS, atOnce: inFlight }, inFlight, router, preset)
        const row = threads.find(isAt('max_concurrent_threads', inFlight, name))
        return rowsAt('multi_turn_threads', name, inFlight, threadColumns(metrics), row)
      }),
    ])
  },
}

function isAt(column: string, value: number, policy: string): (row: CsvRow) => boolean {
  return (row) => numberIn(row, column) === value && row['policy'] === policy
}

/** Columns that need lengths of single prompts, which are modelled by their means. */
const SPREADS = /p50|p99|tokens$|^completed|^(max_|request_|failed|threads|duration|total_tok)/

function rowsAt(
  experiment: string,
  policy: string,
  inFlight: number,
  predicted: Metrics,
  row: CsvRow | undefined,
): PublishedRow[] {
  const place = { set: NAME, experiment, policy, stage: String(inFlight) }
  const measured = row === undefined ? {} : numbersIn(row)
  const spreads = Object.fromEntries(
    Object.entries(measured).filter(([name]) => /p50|p99/.test(name) && SPREADS.test(name)),
  )
  const reason = 'lengths of single prompts and answers are not published, only their means'
  return [
    ...rowsOf(place, predicted, measured),
    ...(Object.keys(spreads).length === 0 ? [] : unpredicted(place, reason, spreads)),
  ]
}

function simulated(
  load: Omit<ChatLoad, 'systemTokens' | 'messageTokens'> & { readonly promptTokens: number },
  inFlight: number,
  router: RouterDefinition,
  preset: string | undefined,
): Metrics {
  const { backend, engine } = deployment({
    model: 'Llama-3.1-8B',
    gpu: 'L4',
    tp: 1,
    engine: 'vllm',
    precision: 'fp8',
    kvPrecision: 'fp8',
    maxBatchTokens: 16_384,
    gpuMemoryUtilization: 0.95,
    // Its runs are of February 2025.
    ...vllmOf('0.10', 1),
  })
  const requests = chatWorkload({ ...load, ...messagesOf(load) }, SEED)
  const algorithm = router.create(preset === undefined ? {} : { preset })
  const run = simulate({
    cluster: {
      backends: Array.from({ length: PODS }, () => backend),
      kvCache: radixKvCache({ prefixCaching: true }),
    },
    requests,
    router: algorithm,
    seed: SEED,
    maxInFlight: inFlight,
  })
  return stageMetrics(run, 0, requests.size, {
    frontEndMs: engine.frontEndMs,
    countedTokenShare: 1,
  })
}

/** Messages so long that prompts have the published mean: turn k has k messages and k - 1 answers. */
function messagesOf({
  turns,
  promptTokens,
  answerTokens,
}: {
  readonly turns: number
  readonly promptTokens: number
  readonly answerTokens: number
}): { systemTokens: number; messageTokens: number } {
  const meanTurn = (turns + 1) / 2
  const message = (promptTokens - (meanTurn - 1) * answerTokens) / meanTurn
  return { systemTokens: 0, messageTokens: Math.max(1, Math.round(message)) }
}

function benchColumns(metrics: Metrics): Metrics {
  return {
    rps: metrics['rps']!,
    output_tok_s: metrics['output_tok_s']!,
    ttft_mean_ms: 1000 * metrics['ttft_mean_s']!,
    tpot_mean_ms: 1000 * metrics['itl_mean_s']!,
    itl_mean_ms: 1000 * metrics['itl_mean_s']!,
  }
}

function threadColumns(metrics: Metrics): Metrics {
  return {
    e2e_mean_s: metrics['e2e_mean_s']!,
    ttft_mean_s: metrics['ttft_mean_s']!,
    itl_mean_s: metrics['itl_mean_s']!,
    output_chunks_s: metrics['output_tok_s']!,
  }
}
