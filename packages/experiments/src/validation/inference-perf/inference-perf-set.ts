import { type CsvRow, numberIn, numbersIn } from '../data/csv-rows.js'
import { deployment } from '../deployment.js'
import { simulateStages } from '../load-generator/simulate-stages.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { type Metrics, rowsOf, type ValidationRow } from '../report/validation-row.js'
import type { ValidationSet } from '../validation-set.js'
import { vllmOf } from '../vllm-releases.js'

const NAME = 'inferenceperf_h100_llama8b'

/** 44 workers with 10 requests each. */
const MAX_IN_FLIGHT = 440
/** 10 system prompts with 10 questions each, as the engine counts their tokens: 204 of 192 asked for. */
const PROMPTS = { groups: 10, promptsPerGroup: 10, systemTokens: 136, questionTokens: 68 } as const
const OUTPUT_TOKENS = 64
/** Output tokens counted after tokenising again: 62.4 of 64. */
const COUNTED_SHARE = 62.4 / OUTPUT_TOKENS
const STAGE_SEC = 60
/** A sweep has seven stages, from one request per second in equal steps. */
const LAST_STAGE = 6

const NO_RATES = 'no stage of it is there to give its rates'

/** Variants that the source names and that may have no rows. */
const OTHERS = [
  ['vllm+batch_size', NO_RATES],
  ['vllm+quantization', NO_RATES],
  ['vllm+eagle', 'speculative decoding is not simulated'],
  ['vllm+v0_engine', 'the scheduler of vLLM V0 is not simulated'],
] as const

/** Rate sweeps of one engine with several options. */
export const inferencePerfSet: ValidationSet = {
  name: NAME,
  description: 'rate sweeps of one vLLM with Llama-3.1-8B on H100',
  predict(data, { seeds }) {
    const rows = data.rows(NAME, 'stages.csv')
    const variants = [...new Set(rows.map((row) => row['variant']!))]
    return [
      ...variants.flatMap((variant) =>
        predictVariant(
          variant,
          rows.filter((row) => row['variant'] === variant),
          seeds,
        ),
      ),
      ...OTHERS.filter(([variant]) => !variants.includes(variant)).flatMap(([variant, reason]) =>
        unpredicted({ set: NAME, experiment: variant, policy: 'roofline', stage: 'all' }, reason),
      ),
    ]
  },
}

function predictVariant(variant: string, rows: readonly CsvRow[], seeds: number): ValidationRow[] {
  const [row] = rows
  const { backend, engine } = deployment({
    model: 'Llama-3.1-8B',
    gpu: 'H100 SXM',
    tp: 1,
    engine: 'vllm',
    maxNumSeqs: numberIn(row!, 'max_num_seqs') ?? 128,
    chunkedPrefill: row!['chunked_prefill'] === 'True',
    ...vllmOf('0.11', 1),
  })
  const ladder = ladderOf(rows)
  const stages = simulateStages({
    backends: [backend],
    prefixCaching: row!['prefix_caching'] === 'True',
    load: {
      ...PROMPTS,
      outputTokens: OUTPUT_TOKENS,
      arrivals: 'constant',
      stages: ladder.map(({ rateRps }) => ({ rateRps, durationSec: STAGE_SEC })),
    },
    measuring: { frontEndMs: engine.frontEndMs, countedTokenShare: COUNTED_SHARE },
    maxInFlight: MAX_IN_FLIGHT,
    router: () => ({ name: 'one', route: (_, cluster) => cluster.backends[0]! }),
    seeds,
  })
  return stages.flatMap((metrics, i) => {
    const { stage } = ladder[i]!
    const measured = rows.find((each) => numberIn(each, 'stage') === stage)
    const place = { set: NAME, experiment: variant, policy: 'roofline', stage: String(stage) }
    return rowsOf(place, renamed(metrics), measured === undefined ? {} : numbersIn(measured))
  })
}

/** Rates of all stages: those that are not listed lie on the line through those that are. */
function ladderOf(rows: readonly CsvRow[]): { stage: number; rateRps: number }[] {
  const known = new Map(
    rows.map((row) => [numberIn(row, 'stage')!, numberIn(row, 'requested_rate')!] as const),
  )
  const stages = [...known.keys()]
  const last = Math.max(...stages)
  const first = Math.min(...stages)
  const step = last === first ? 0 : (known.get(last)! - known.get(first)!) / (last - first)
  return Array.from({ length: Math.max(LAST_STAGE, last) + 1 }, (_, stage) => ({
    stage,
    rateRps: known.get(stage) ?? known.get(first)! + step * (stage - first),
  })).filter(({ rateRps }) => rateRps > 0)
}

/** Metrics under the names of the published columns. */
function renamed(metrics: Metrics): Metrics {
  const names: readonly (readonly [string, string])[] = [
    ['rps', 'rps'],
    ['output_tok_s', 'output_tok_s'],
    ['achieved_rate', 'achieved_send_rps'],
    ['ttft_s_mean', 'ttft_mean_s'],
    ['ttft_s_median', 'ttft_p50_s'],
    ['ttft_s_p90', 'ttft_p90_s'],
    ['ttft_s_p99', 'ttft_p99_s'],
    ['e2e_s_mean', 'e2e_mean_s'],
    ['e2e_s_median', 'e2e_p50_s'],
    ['e2e_s_p90', 'e2e_p90_s'],
    ['e2e_s_p99', 'e2e_p99_s'],
    ['tpot_true_mean_s', 'itl_mean_s'],
  ]
  return {
    ...Object.fromEntries(names.map(([to, from]) => [to, metrics[from]!])),
    tpot_raw_s_mean: metrics['itl_mean_s']! / 2,
  }
}
