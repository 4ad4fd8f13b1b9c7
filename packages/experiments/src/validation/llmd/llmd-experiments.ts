import { RouteSimError } from '@routesim/core'
import { findModel } from '@routesim/hardware'
import type { ExperimentsErrorCode } from '../../errors.js'
import type { DeploymentOptions } from '../deployment.js'
import type { ArrivalProcess } from '../load-generator/arrivals.js'
import type { SharedPrefixLoad } from '../load-generator/shared-prefix-workload.js'
import { vllmOf } from '../vllm-releases.js'

/** A published comparison of routing policies, ready to simulate. */
export interface LlmdExperiment {
  readonly name: string
  readonly pods: number
  readonly deployment: DeploymentOptions
  readonly load: SharedPrefixLoad
  /** Output tokens counted after tokenising again, per token generated. */
  readonly countedTokenShare: number
  /** What the source says of each policy. */
  readonly policies: Readonly<Record<string, string>>
}

type Fields = Readonly<Record<string, unknown>>

/** Lengths that were measured where a workload asks for 7200 and 1000 tokens (guides of llm-d, 2026). */
const MEASURED = { prompt: 7576, nominalPrompt: 7200, output: 942, nominalOutput: 1000 } as const

/**
 * What the guides of 2026 start engines with where it is not the default: `--gpu-memory-utilization=0.95` and
 * `--mem-fraction-static=0.9` (llm-d/llm-d, guides/precise-prefix-cache-routing/modelserver/gpu/vllm, commit
 * 34272a6; inference-scheduling/ms-inference-scheduling/values.yaml, 126f65d; optimized-baseline/modelserver/
 * gpu/sglang, 83bb7c1), and `--block-size=128` for gpt-oss-120b (optimized-baseline/modelserver/gpu/vllm,
 * 5c22bbc).
 */
const GUIDE_MEMORY_SHARE = { sglang: 0.9, vllm: 0.95 } as const
const GUIDE_BLOCK_TOKENS: Readonly<Record<string, number>> = { 'gpt-oss-120b': 128 }

/** The experiments of a `workloads.json` whose workload and policies it defines. */
export function llmdExperiments(workloads: unknown): LlmdExperiment[] {
  if (!isFields(workloads)) throw invalid('expected an object of experiments')
  return Object.keys(workloads).flatMap((name) => {
    const experiment = experimentOf(name, workloads)
    return experiment === undefined ? [] : [experiment]
  })
}

function experimentOf(name: string, workloads: Fields): LlmdExperiment | undefined {
  const fields = inherited(name, workloads)
  const { policies, stages, warmup, pods } = fields
  if (!isFields(policies) || !Array.isArray(stages) || !isFields(warmup)) return undefined
  if (typeof pods !== 'number') return undefined
  const number = (key: string): number => {
    const value = fields[key]
    if (typeof value === 'number') return value
    throw invalid(`${name}.${key}: expected a number, got ${JSON.stringify(value)}`)
  }
  const promptScale =
    (Number(fields['measured_input_len_mean']) || MEASURED.prompt) / nominal(fields)
  const outputScale =
    (Number(fields['measured_output_len_mean_retokenised']) || MEASURED.output) /
    MEASURED.nominalOutput
  const engineText = String(fields['engine'])
  const engine = /sglang/i.test(engineText) ? 'sglang' : 'vllm'
  const memoryShare = /gpu_memory_utilization ([\d.]+)/.exec(engineText)?.[1]
  const model = findModel(String(fields['model']).split('/').at(-1)!.replace('-Instruct', '')).name
  return {
    name,
    pods,
    policies: { ...(policies as Readonly<Record<string, string>>), ...notedPolicies(fields) },
    countedTokenShare: outputScale,
    deployment: {
      model,
      gpu: String(fields['gpu']).includes('H200') ? 'H200' : 'H100 SXM',
      tp: number('tp'),
      engine,
      // Runs of September 2025 do not say which release they had: 0.11 came in October.
      ...(/\b2025\b/.test(engineText) ? vllmOf('0.10', number('tp')) : {}),
      ...optional('kvTokens', fields['kv_tokens_per_pod']),
      ...optional('blockTokens', blockTokensOf(policies) ?? GUIDE_BLOCK_TOKENS[model]),
      ...optional('gpuMemoryUtilization', memoryShare ?? GUIDE_MEMORY_SHARE[engine]),
    },
    load: {
      groups: number('num_groups'),
      promptsPerGroup: number('prompts_per_group'),
      systemTokens: Math.round(number('system_prompt_len') * promptScale),
      questionTokens: Math.round(number('question_len') * promptScale),
      outputTokens: number('output_len'),
      arrivals: arrivalsOf(String(fields['arrivals'])),
      stages: [stageOf([warmup['rate'], warmup['duration_s']]), ...stages.map(stageOf)],
    },
  }
}

/** Tokens per block of the engine's cache, where a policy follows its events and says so. */
function blockTokensOf(policies: Fields): string | undefined {
  return Object.values(policies)
    .map((text) => /\bblockSize (\d+)/.exec(String(text))?.[1])
    .find((tokens) => tokens !== undefined)
}

/** Policies that only the note of an experiment names. */
function notedPolicies(fields: Fields): Record<string, string> {
  const names = String(fields['note'] ?? '').match(/\bllmd_[a-z]+\b/g) ?? []
  return Object.fromEntries(names.map((name) => [name, '']))
}

/** Fields of an experiment, those of the experiment it refers to included. */
function inherited(name: string, workloads: Fields): Fields {
  const fields = workloads[name]
  if (!isFields(fields)) return {}
  const other = fields['same_as'] ?? fields['same_workload_as']
  if (typeof other !== 'string') return fields
  return { ...inherited(other, workloads), ...fields }
}

/** Prompts of other lengths are taken to grow alike. */
function nominal(fields: Fields): number {
  return fields['measured_input_len_mean'] === undefined
    ? MEASURED.nominalPrompt
    : Number(fields['system_prompt_len']) + Number(fields['question_len'])
}

function arrivalsOf(text: string): ArrivalProcess {
  return text.startsWith('constant') ? 'constant' : 'poisson'
}

function stageOf(stage: unknown): { rateRps: number; durationSec: number } {
  const [rate, duration] = Array.isArray(stage) ? stage : []
  if (typeof rate === 'number' && typeof duration === 'number') {
    return { rateRps: rate, durationSec: duration }
  }
  throw invalid(`stages: expected [rate, seconds], got ${JSON.stringify(stage)}`)
}

function optional<Key extends string>(key: Key, value: unknown): { [K in Key]?: number } {
  return value === undefined || value === null
    ? {}
    : ({ [key]: Number(value) } as { [K in Key]?: number })
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(message: string): RouteSimError {
  return new RouteSimError<ExperimentsErrorCode>(`workloads.json: ${message}`, {
    code: 'data_unreadable',
  })
}
