import { findGpu, findModel } from '@routesim/hardware'
import { type CsvRow, numberIn, numbersIn } from '../data/csv-rows.js'
import { deployment } from '../deployment.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { type Metrics, rowsOf, type ValidationRow } from '../report/validation-row.js'
import type { PublishedRow, ValidationSet } from '../validation-set.js'
import type { SignalAge } from './aged-signals.js'
import { documentChats } from './document-chats.js'
import { type LlmdExperiment, llmdExperiments } from './llmd-experiments.js'
import { simulatePolicy } from './simulate-policy.js'

const NAME = 'llmd_routing'

/** The endpoint picker scrapes vLLM every 50 ms (llm-d-router, --refresh-metrics-interval). */
export const SCRAPING: SignalAge = { intervalMs: 50, delayMs: 0 }

/** Routing policies of llm-d on the same shared-prefix workload. */
export const llmdSet: ValidationSet = {
  name: NAME,
  description: 'routing policies of llm-d, 4 to 16 pods',
  predict(data, { seeds, signalAge = SCRAPING }) {
    const measured = data.rows(NAME, 'routing_results.csv')
    const workloads = data.json(NAME, 'workloads.json')
    const experiments = llmdExperiments(workloads)
    const routing = experiments.flatMap((experiment) =>
      Object.keys(experiment.policies).flatMap((policy): PublishedRow[] => {
        const stages = simulatePolicy(experiment, policy, signalAge, seeds)
        if (stages === undefined) return unknownPolicy(experiment, policy)
        return stages.flatMap((metrics, i): PublishedRow[] => {
          const stage = String(experiment.load.stages[i + 1]!.rateRps)
          const place = { set: NAME, experiment: experiment.name, policy, stage }
          const row = measured.find(
            (each) =>
              each['experiment'] === experiment.name &&
              each['policy'] === policy &&
              numberIn(each, 'offered_qps') === Number(stage),
          )
          return rowsOf(place, withRaw(metrics), row === undefined ? {} : trueGaps(row))
        })
      }),
    )
    return [
      ...routing,
      ...documentChats(workloads, signalAge),
      ...prefillPeaks(data.rows(NAME, 'peak_prefill_throughput.csv')),
      ...prefillTimes(data.rows(NAME, 'gptoss120b_h200_prefill_latency.csv')),
    ]
  },
}

function unknownPolicy(experiment: LlmdExperiment, policy: string): PublishedRow[] {
  return experiment.load.stages.slice(1).flatMap(({ rateRps }) => {
    const place = { set: NAME, experiment: experiment.name, policy, stage: String(rateRps) }
    return unpredicted(place, `no router is known by "${experiment.policies[policy]}"`)
  })
}

/** Load generators of 2025 count two stream events per token: their gaps are half the truth. */
const EVENTS_PER_TOKEN = 2

function withRaw(metrics: Metrics): Metrics {
  return { ...metrics, itl_mean_raw_s: metrics['itl_mean_s']! / EVENTS_PER_TOKEN }
}

function trueGaps(row: CsvRow): Record<string, number> {
  const numbers = numbersIn(row)
  const raw = numbers['itl_mean_raw_s']
  return raw === undefined || numbers['itl_mean_s'] !== undefined
    ? numbers
    : { ...numbers, itl_mean_s: raw * EVENTS_PER_TOKEN }
}

const PEAK = 'peak_prefill_throughput'

/** Tokens of one prompt in full chunks per second. */
function prefillPeaks(rows: readonly CsvRow[]): PublishedRow[] {
  return rows.flatMap((row): PublishedRow[] => {
    const spec = specOf(row)
    if (spec === undefined) {
      const { accelerator, engine, model } = row
      const place = {
        set: NAME,
        experiment: PEAK,
        policy: engine ?? '',
        stage: `${accelerator} ${model}`,
      }
      const reason = 'the catalogues have no such accelerator, engine or model'
      return unpredicted(place, reason, { prefill_tok_per_s: numberIn(row, 'prefill_tok_per_s') })
    }
    const chunk = numberIn(row, 'chunk_tokens') ?? 0
    const predicted = (1000 * chunk) / prefillMs(spec, chunk, 0)
    const place = {
      set: NAME,
      experiment: PEAK,
      policy: spec.engine,
      stage: `${spec.model} tp${spec.tp}`,
    }
    return rowsOf(place, { prefill_tok_per_s: predicted }, numbersIn(row))
  })
}

function specOf(row: CsvRow) {
  const engine = /^(vllm|sglang) \d/.exec(row['engine'] ?? '')?.[1]
  try {
    const model = findModel(row['model']!).name
    const gpu = findGpu(row['accelerator']!.replace(/ \d+GB$/, '')).name
    return engine === undefined ? undefined : { model, gpu, engine, tp: numberIn(row, 'tp') ?? 1 }
  } catch {
    return undefined
  }
}

/** One prompt of gpt-oss-120b alone on an H200, in chunks of the engine's budget. */
function prefillTimes(rows: readonly CsvRow[]): ValidationRow[] {
  const spec = { model: 'gpt-oss-120b', gpu: 'H200', tp: 1, engine: 'vllm' }
  const { backend, engine } = deployment(spec)
  return rows.flatMap((row) => {
    const tokens = numberIn(row, 'prefix_tokens') ?? 0
    let ms = engine.frontEndMs
    for (let done = 0; done < tokens; done += backend.maxBatchTokens) {
      ms += prefillMs(spec, Math.min(backend.maxBatchTokens, tokens - done), done)
    }
    const place = {
      set: NAME,
      experiment: 'gptoss120b_h200_prefill_latency',
      policy: 'recompute',
      stage: String(tokens),
    }
    return rowsOf(place, { recompute_ms: ms }, numbersIn(row))
  })
}

function prefillMs(
  spec: { model: string; gpu: string; tp: number; engine: string },
  tokens: number,
  before: number,
): number {
  return deployment(spec).backend.latency.stepMs({
    prefillTokens: tokens,
    prefillRequests: 1,
    prefillAttentionPairs: tokens * before + (tokens * (tokens + 1)) / 2,
    decodeRequests: 0,
    decodeContextTokens: 0,
  })
}
