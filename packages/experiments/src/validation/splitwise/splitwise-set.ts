import { EMPTY_STEP, type LatencyModel } from '@routesim/core'
import { affineLatency, findAffineProfile } from '@routesim/hardware'
import { type CsvRow, numberIn } from '../data/csv-rows.js'
import { groupedBy } from '../data/grouped-by.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { rowsOf, type ValidationPlace } from '../report/validation-row.js'
import type { PublishedRow, ValidationSet } from '../validation-set.js'

const NAME = 'splitwise_perf_model'

/** Sweeps of one factor each around a prompt of 512 tokens, alone, with 128 answered. */
const POWERS = [1, 2, 4, 8, 16, 32, 64]
const SETTINGS: readonly Setting[] = [
  ...POWERS.map((n) => ({ prompt: 128 * n, batch: 1, output: 128 })),
  ...POWERS.map((n) => ({ prompt: 512, batch: n, output: 128 })),
  ...POWERS.map((n) => ({ prompt: 512, batch: 1, output: 128 * n })),
].filter((setting, i, all) => i === all.findIndex((each) => keyOf(each) === keyOf(setting)))

/** Prompt tokens in a batch up to which the profiles hold: the engine of 2023 is another beyond. */
const PROFILED_TOKENS = 2048
const TOO_LONG = `affine profiles of this engine hold to ${PROFILED_TOKENS} prompt tokens in a batch`
const CAPPED = 'prompts under a power cap were derived from those without, not measured'
/** Outputs so long ended before their length. */
const STOPPED_EARLY = 1024
const EARLY = 'answers of 1024 tokens and more stopped early'
const INVALID = 'the batch did not fit: the source says so'

interface Setting {
  readonly prompt: number
  readonly batch: number
  readonly output: number
}

function keyOf({ prompt, batch, output }: Setting): string {
  return `${prompt} x ${batch} + ${output}`
}

/** Prompt and token times of the profiles that were fitted to them; fits of 2023, so no roofline. */
export const splitwiseSet: ValidationSet = {
  name: NAME,
  description: 'prompt and token times of vLLM in 2023, from affine profiles',
  predict(data) {
    const groups = groupedBy(data.rows(NAME, 'perf_model.csv'), (row) =>
      [row['model'], row['hardware'], row['tensor_parallel']].join(' '),
    )
    return [...groups].flatMap(([experiment, rows]) => predictGroup(experiment, rows))
  },
}

function predictGroup(experiment: string, rows: readonly CsvRow[]): PublishedRow[] {
  const [model, hardware, tp] = experiment.split(' ') as [string, string, string]
  const gpu = hardware.startsWith('h100') ? 'h100' : 'a100'
  const name = model.startsWith('bloom') ? 'bloom-176b' : 'llama-2-70b'
  const latency = affineLatency(findAffineProfile(`${name} ${gpu} tp${tp} vllm-2023`))
  const isCapped = hardware.endsWith('pcap')
  return SETTINGS.flatMap((setting) => {
    const place = { set: NAME, experiment, policy: 'affine', stage: keyOf(setting) }
    const measured = mediansOf(rows, setting)
    if (name === 'llama-2-70b' && tp === '2' && setting.batch === 64) {
      return unpredicted(place, INVALID, measured)
    }
    return predictSetting(place, latency, setting, isCapped, measured)
  })
}

function predictSetting(
  place: ValidationPlace,
  latency: LatencyModel,
  { prompt, batch, output }: Setting,
  isCapped: boolean,
  measured: Readonly<Record<string, number>>,
): PublishedRow[] {
  const tokenMs = latency.stepMs({
    ...EMPTY_STEP,
    decodeRequests: batch,
    decodeContextTokens: batch * (prompt + output / 2),
  })
  const { prompt_time: promptTime, e2e_time: e2eTime, ...token } = measured
  const tokenRows = rowsOf(place, { token_time: tokenMs }, token)
  const prompts = batch * prompt
  if (prompts > PROFILED_TOKENS || isCapped) {
    const reason = isCapped ? CAPPED : TOO_LONG
    const rest = { prompt_time: promptTime, e2e_time: e2eTime }
    return [...tokenRows, ...unpredicted(place, reason, rest)]
  }
  const promptMs = latency.stepMs({
    ...EMPTY_STEP,
    prefillTokens: prompts,
    prefillRequests: batch,
    prefillAttentionPairs: (batch * prompt * (prompt + 1)) / 2,
  })
  const promptRows = rowsOf(place, { prompt_time: promptMs }, measured)
  if (output >= STOPPED_EARLY) {
    const e2e = e2eTime === undefined ? {} : { e2e_time: e2eTime }
    return [...tokenRows, ...promptRows, ...unpredicted(place, EARLY, e2e)]
  }
  const e2eMs = promptMs + (output - 1) * tokenMs
  return [...tokenRows, ...promptRows, ...rowsOf(place, { e2e_time: e2eMs }, measured)]
}

const COLUMNS = ['prompt_time', 'token_time', 'e2e_time'] as const

/** Medians of the repetitions of a setting; empty when it is not there. */
function mediansOf(rows: readonly CsvRow[], { prompt, batch, output }: Setting) {
  const these = rows.filter(
    (row) =>
      numberIn(row, 'prompt_size') === prompt &&
      numberIn(row, 'batch_size') === batch &&
      numberIn(row, 'token_size') === output,
  )
  if (these.length === 0) return {}
  return Object.fromEntries(
    COLUMNS.map((column) => {
      const values = these.map((row) => numberIn(row, column) ?? 0).sort((a, b) => a - b)
      return [column, values[Math.floor(values.length / 2)]!]
    }),
  )
}
