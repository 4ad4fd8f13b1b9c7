import {
  NO_NODE,
  RandomStream,
  type RequestTable,
  RequestTableBuilder,
  simulate,
} from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { type CsvRow, numberIn, numbersIn } from '../data/csv-rows.js'
import type { DataFolder } from '../data/data-folder.js'
import { groupedBy } from '../data/grouped-by.js'
import { deployment } from '../deployment.js'
import { meanOf, stageMetrics } from '../load-generator/stage-metrics.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { type Metrics, rowsOf } from '../report/validation-row.js'
import type { PredictionOptions, PublishedRow, ValidationSet } from '../validation-set.js'

const NAME = 'doks_h200_llama70b_fp8'

const REQUESTS = 300
/** Rates of a sweep, requests per second. */
const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]

/**
 * What is known of a dataset: means of 300 prompts and answers. A conversation of ten turns begins with
 * what all of it shares; short prompts share nothing.
 */
const DATASETS: Readonly<Record<string, Dataset>> = {
  'sharegpt (short)': { prompt: 207, answer: 198, turns: 1 },
  'custom multi-turn': { prompt: 5806, answer: 517, turns: 10 },
}

interface Dataset {
  readonly prompt: number
  readonly answer: number
  readonly turns: number
}

/** One engine under rising rates, and a balancer whose load is not described well enough. */
export const doksSet: ValidationSet = {
  name: NAME,
  description: 'vLLM with Llama-3.1-70B FP8 on an H200 under rising rates',
  predict: (data, options) => [...sweeps(data, options), ...routing(data)],
}

function sweeps(data: DataFolder, { seeds }: PredictionOptions): PublishedRow[] {
  const configs = groupedBy(data.rows(NAME, 'vllm_rate_sweep.csv'), (row) => row['config'] ?? '')
  return [...configs].flatMap(([config, rows]) => {
    const [first] = rows
    const dataset = DATASETS[first!['dataset'] ?? '']
    const known = rows.map((row) => numberIn(row, 'request_rate')!)
    const rates = [...new Set([...RATES, ...known])].sort((a, b) => a - b)
    return rates.flatMap((rate): PublishedRow[] => {
      const row = rows.find((each) => numberIn(each, 'request_rate') === rate)
      const place = { set: NAME, experiment: config, policy: 'roofline', stage: String(rate) }
      const measured = row === undefined ? {} : numbersIn(row)
      if (dataset === undefined) {
        return unpredicted(place, `lengths of "${first!['dataset']}" are not known`, measured)
      }
      return rowsOf(place, predictRate(first!, dataset, rate, seeds), measured)
    })
  })
}

function predictRate(config: CsvRow, dataset: Dataset, rate: number, seeds: number): Metrics {
  const { backend, engine } = deployment({
    model: 'Llama-3.1-70B',
    gpu: 'H200',
    tp: 1,
    engine: 'vllm',
    precision: 'fp8',
    kvPrecision: 'fp8',
    ...optional('kvTokens', numberIn(config, 'kv_cache_tokens')),
    ...optional('maxBatchTokens', numberIn(config, 'max_num_batched_tokens')),
    ...optional('maxNumSeqs', numberIn(config, 'max_num_seqs')),
  })
  const metrics = meanOf(
    Array.from({ length: seeds }, (_, i) => {
      const run = simulate({
        cluster: { backends: [backend], kvCache: radixKvCache({ prefixCaching: true }) },
        requests: requestsOf(dataset, rate, i + 1),
        router: { name: 'one', route: (_, cluster) => cluster.backends[0]! },
        seed: i + 1,
      })
      return stageMetrics(run, 0, REQUESTS, {
        frontEndMs: engine.frontEndMs,
        countedTokenShare: 1,
      })
    }),
  )
  return {
    request_throughput: metrics['rps']!,
    output_throughput: metrics['output_tok_s']!,
    ttft_mean_ms: 1000 * metrics['ttft_mean_s']!,
    tpot_mean_ms: 1000 * metrics['itl_mean_s']!,
    tpot_median_ms: 1000 * metrics['itl_p50_s']!,
    e2el_mean_ms: 1000 * metrics['e2e_mean_s']!,
  }
}

/**
 * Poisson arrivals of prompts whose lengths spread exponentially about the mean where they stand alone, and
 * of conversations that keep their prefix: a turn adds its message and the answer before.
 */
function requestsOf({ prompt, answer, turns }: Dataset, rate: number, seed: number): RequestTable {
  const random = new RandomStream(seed, 'requests')
  const builder = new RequestTableBuilder()
  // Each turn adds an answer and as much again; the first has what is left of the mean.
  const growth = turns === 1 ? 0 : 2 * MESSAGE_TOKENS
  const opening = prompt - (growth * (turns - 1)) / 2
  const chats = Math.ceil(REQUESTS / turns)
  let timeMs = 0
  for (let i = 0; i < REQUESTS; i++) {
    timeMs += (1000 / rate) * random.exponential(1)
    const chat = i % chats
    const turn = Math.floor(i / chats)
    const spread = turns === 1 ? random.exponential(1) : 1
    const length = Math.max(1, Math.round((opening + growth * turn) * spread))
    builder.add({
      arrivalMs: timeMs,
      promptTokens: length,
      outputTokens: Math.max(1, Math.round(2 * answer * random.float())),
      promptNode: turns === 1 ? NO_NODE : builder.prompts.stream(NO_NODE, `chat ${chat}`, length),
    })
  }
  return builder.build()
}

/** Tokens of a message in a conversation. */
const MESSAGE_TOKENS = 100

function optional<Key extends string>(
  key: Key,
  value: number | undefined,
): { [K in Key]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: number })
}

function routing(data: DataFolder): PublishedRow[] {
  return data.rows(NAME, 'routing_rr_vs_kv_trtllm.csv').flatMap((row) => {
    const place = {
      set: NAME,
      experiment: row['sweep'] ?? '',
      policy: row['policy'] ?? '',
      stage: row['concurrency'] ?? '',
    }
    const { concurrency: _, ...measured } = numbersIn(row)
    return unpredicted(place, 'neither lengths nor turns of these chats are published', measured)
  })
}
