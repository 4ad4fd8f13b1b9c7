// `node bench/latency-accuracy.mjs [DIR]`: latency models against published measurements, by default
// in ../shared/groundtruth beside the checkout. Prints the mean, 95th percentile and largest error and
// the bias of each set, in percent. Needs a build.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  affineLatency,
  findAffineProfile,
  findEngine,
  findGpu,
  findModel,
  rooflineLatency,
} from '@routesim/hardware'

const beside = fileURLToPath(new URL('../../shared/groundtruth', import.meta.url))
const folder = process.argv[2] ?? beside
if (!existsSync(folder)) {
  console.error(`${folder}: no such folder; give one with published measurements`)
  process.exit(1)
}

/** Rows of a CSV file without quoted commas, by column name. */
function rowsOf(path) {
  const [titles, ...lines] = readFileSync(`${folder}/${path}`, 'utf8').trim().split(/\r?\n/)
  const names = titles.split(',')
  return lines.map((line) => {
    const cells = line.split(',')
    return Object.fromEntries(names.map((name, i) => [name, cells[i]]))
  })
}

const sum = (values) => values.reduce((total, value) => total + value, 0)

function report(name, errors) {
  if (errors.length === 0) return
  const sizes = errors.map(Math.abs).sort((a, b) => a - b)
  const figures = [
    sum(sizes) / sizes.length,
    sizes[Math.floor(0.95 * (sizes.length - 1))],
    sizes.at(-1),
    sum(errors) / errors.length,
  ]
  const columns = figures.map((figure) => figure.toFixed(1).padStart(7)).join('')
  console.log(`${name.padEnd(58)}${String(errors.length).padStart(4)}${columns}`)
}

const GPUS = {
  h100_sxm: 'H100 SXM',
  h200_sxm: 'H200',
  b200_sxm: 'B200',
  b300_sxm: 'B300',
  gb200: 'GB200',
}
const MODELS = {
  'meta-llama/Llama-3.1-70B': 'Llama-3.1-70B',
  'Qwen/Qwen3-32B': 'Qwen3-32B',
  'openai/gpt-oss-120b': 'gpt-oss-120b',
  'Qwen/Qwen3-235B-A22B-FP8': 'Qwen3-235B-A22B',
  'MiniMaxAI/MiniMax-M2.5': 'MiniMax-M2',
  'deepseek-ai/DeepSeek-R1': 'DeepSeek-V3',
  'deepseek-ai/DeepSeek-V3': 'DeepSeek-V3',
}
const PRECISIONS = { '': 'bf16', fp8: 'fp8', fp8_block: 'fp8', nvfp4: 'fp4' }

/** Beyond this a prompt waits for KV blocks: the requests in flight are not all decoding. */
const MOST_TTFT_MS = 5000

/** Time per output token at fixed concurrency: the share of steps that hold a prompt chunk, and the rest. */
function closedLoopTpotMs(latency, prompt, output, concurrency) {
  const chunk = Math.max(64, Math.min(prompt, 8192 - concurrency))
  const share = (concurrency * prompt) / output / chunk
  const decode = {
    prefillTokens: 0,
    prefillRequests: 0,
    prefillAttentionPairs: 0,
    decodeRequests: concurrency,
    decodeContextTokens: concurrency * (prompt + output / 2),
  }
  const pairs = (chunk * prompt) / 2
  const mixed = {
    ...decode,
    prefillTokens: chunk,
    prefillRequests: 1,
    prefillAttentionPairs: pairs,
  }
  const decodeMs = latency.stepMs(decode)
  return decodeMs + share * (latency.stepMs(mixed) - decodeMs)
}

function rooflineErrors(rows, granularity) {
  return rows.flatMap((row) => {
    const { backend, system, tp_size, moe_ep_size, gemm_quant_mode } = row
    const model = findModel(MODELS[row.model_path])
    const tp = Number(tp_size)
    if (model.attention.heads % tp !== 0) return []
    const ranks = Number(moe_ep_size) || 1
    const precision = model.weights === 'mxfp4' ? 'mxfp4' : PRECISIONS[gemm_quant_mode]
    const engine = findEngine(backend)
    const latency = rooflineLatency({
      model,
      gpu: findGpu(GPUS[system]),
      parallelism: { tp, pp: 1, ep: model.experts !== undefined && tp % ranks === 0 ? ranks : 1 },
      precision,
      kvPrecision: engine.kvPrecision(precision),
      hostMsPerRequest: engine.hostMsPerRequest,
      kernelFloorScale: engine.kernelFloorScale,
      granularity,
    })
    const predicted = closedLoopTpotMs(
      latency,
      Number(row.isl),
      Number(row.osl),
      Number(row.concurrency),
    )
    return [100 * (predicted / Number(row.silicon_tpot_ms) - 1)]
  })
}

console.log(`${'set'.padEnd(58)}   n   mean    p95    max   bias  (percent)`)
const silicon = rowsOf('inferencemax_silicon/calibration/silicon_agg.csv').filter(
  (row) =>
    row.model_path in MODELS &&
    row.system in GPUS &&
    row.gemm_quant_mode in PRECISIONS &&
    Number(row.attention_dp_size || 1) === 1 &&
    Number(row.silicon_ttft_ms) < MOST_TTFT_MS,
)
const setOf = (row) =>
  [row.model_path.split('/')[1], row.gemm_quant_mode || 'bf16', row.system, row.backend].join(' ')
for (const set of [...new Set(silicon.map(setOf))].sort()) {
  const rows = silicon.filter((row) => setOf(row) === set)
  report(`TPOT, roofline: ${set}`, rooflineErrors(rows, 'step'))
}

const affineRows = silicon.filter((row) => setOf(row) === 'Llama-3.1-70B fp8 h100_sxm vllm')
report(
  'TPOT, affine: Llama-3.1-70B fp8 h100_sxm vllm',
  affineRows.map((row) => {
    const profile = findAffineProfile(`llama-3.1-70b fp8 h100 tp${Number(row.tp_size)} vllm`)
    const shape = [Number(row.isl), Number(row.osl), Number(row.concurrency)]
    const predicted = closedLoopTpotMs(affineLatency(profile), ...shape)
    return 100 * (predicted / Number(row.silicon_tpot_ms) - 1)
  }),
)

const splitwise = rowsOf('splitwise_perf_model/calibration/perf_model.csv').filter(
  (row) =>
    ['a100-80gb', 'h100-80gb'].includes(row.hardware) &&
    !(row.model === 'llama2-70b' && row.tensor_parallel === '2' && row.batch_size === '64') &&
    // Longer answers ended early, at their end-of-sequence token.
    Number(row.token_size) < 1024,
)
const splitwiseErrors = (prefill) =>
  splitwise.map((row) => {
    const name = row.model === 'llama2-70b' ? 'llama-2-70b' : 'bloom-176b'
    const gpu = row.hardware.split('-')[0]
    const profile = findAffineProfile(`${name} ${gpu} tp${row.tensor_parallel} vllm-2023`)
    const [batch, prompt, output] = ['batch_size', 'prompt_size', 'token_size'].map((key) =>
      Number(row[key]),
    )
    const step = {
      prefillTokens: prefill ? batch * prompt : 0,
      prefillRequests: prefill ? batch : 0,
      prefillAttentionPairs: prefill ? (batch * prompt * (prompt + 1)) / 2 : 0,
      decodeRequests: prefill ? 0 : batch,
      decodeContextTokens: prefill ? 0 : batch * (prompt + output / 2),
    }
    const measured = Number(prefill ? row.prompt_time : row.token_time)
    return 100 * (affineLatency(profile).stepMs(step) / measured - 1)
  })
report('decode, affine: Splitwise', splitwiseErrors(false))
report('prefill, affine: Splitwise', splitwiseErrors(true))
