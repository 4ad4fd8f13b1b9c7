import { RequestTableBuilder, type RunResult, simulate } from '@routesim/core'
import {
  findGpu,
  findModel,
  kvBytesOfContext,
  radixKvCache,
  rooflineLatency,
} from '@routesim/hardware'
import { type CsvRow, numberIn, numbersIn } from '../data/csv-rows.js'
import type { DataFolder } from '../data/data-folder.js'
import { mean } from '../mean.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { rowsOf } from '../report/validation-row.js'
import type { PublishedRow, ValidationSet } from '../validation-set.js'

const NAME = 'vtc_slora_per_request'

/** LightLLM computes prompts of at most a sixth of the pool, and no fewer than one request, at once. */
const PROMPT_SHARE = 1 / 6
const LEAST_PROMPT_TOKENS = 8192
/** It runs no more requests at once. */
const MOST_RUNNING = 1000

/** One GPU that admits conservatively: S-LoRA on LightLLM, prompts first, no chunks, no preemption. */
export const vtcSet: ValidationSet = {
  name: NAME,
  description: 'S-LoRA on one GPU with a limited pool, request by request, first come first served',
  predict: (data) => data.rows(NAME, 'index.csv').flatMap((run) => predictRun(data, run)),
}

function predictRun(data: DataFolder, run: CsvRow): PublishedRow[] {
  const experiment = run['run'] ?? ''
  const scheduler = run['scheduler'] ?? ''
  const place = { set: NAME, experiment, policy: scheduler, stage: 'all' }
  const measured = measuredOf(run)
  if (!scheduler.startsWith('FCFS')) {
    return unpredicted(
      place,
      `backends admit by arrival, not by the scheduler ${scheduler}`,
      measured,
    )
  }
  const rows = data.rows(NAME, `${experiment}.csv`)
  if (rows.length === 0) return unpredicted(place, 'no requests of this run are there', measured)
  const result = simulateRun(run, rows)
  const { outcomes, requests } = result
  const ttft = Array.from(outcomes.firstTokenMs, (ms, i) => (ms - requests.arrivalMs[i]!) / 1000)
  const e2e = Array.from(outcomes.finishedMs, (ms, i) => (ms - requests.arrivalMs[i]!) / 1000)
  const predicted = {
    ttft_mean_s: mean(ttft),
    ttft_p99_s: ttft.toSorted((a, b) => a - b)[Math.floor(0.99 * (ttft.length - 1))]!,
    e2e_mean_s: mean(e2e),
    throughput_rps: (1000 * rows.length) / (result.endMs - requests.arrivalMs[0]!),
  }
  return rowsOf(place, predicted, measured)
}

function simulateRun(run: CsvRow, rows: readonly CsvRow[]): RunResult {
  const gpu = findGpu((run['gpu'] ?? '').replace(/ \d+GB$/, ''))
  const model = findModel((run['model'] ?? '').replace(/ .*/, ''))
  const pool = numberIn(run, 'max_total_token_num')!
  const builder = new RequestTableBuilder()
  for (const row of rows) {
    builder.add({
      arrivalMs: 1000 * numberIn(row, 'req_time_s')!,
      promptTokens: numberIn(row, 'prompt_len')!,
      outputTokens: numberIn(row, 'output_len')!,
    })
  }
  return simulate({
    cluster: {
      backends: [
        {
          role: 'both',
          latency: rooflineLatency({
            model,
            gpu,
            parallelism: { tp: 1, pp: 1, ep: 1 },
            precision: 'bf16',
            kvPrecision: 'bf16',
            hostMsPerRequest: 0,
            granularity: 'step',
          }),
          kv: { blocks: pool, blockTokens: 1 },
          kvBytesPerToken: kvBytesOfContext(model, 1),
          maxBatchTokens: Math.max(LEAST_PROMPT_TOKENS, Math.floor(PROMPT_SHARE * pool)),
          maxNumSeqs: MOST_RUNNING,
          maxQueueDepth: rows.length,
          chunkedPrefill: false,
          batching: 'prefill_first',
          preemption: 'reserve_all',
        },
      ],
      kvCache: radixKvCache({ prefixCaching: false }),
    },
    requests: builder.build(),
    router: { name: 'one', route: (_, cluster) => cluster.backends[0]! },
    seed: 1,
  })
}

function measuredOf(run: CsvRow): Record<string, number> {
  const { ttft_mean_s, ttft_p99_s, e2e_mean_s, throughput_rps } = numbersIn(run)
  const all = { ttft_mean_s, ttft_p99_s, e2e_mean_s, throughput_rps }
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
