import { NO_NODE, RandomStream, type RequestTable, RequestTableBuilder } from '@routesim/core'
import { type ArrivalProcess, inferencePerfArrivals } from './arrivals.js'

/** Groups of prompts that begin with the same system prompt, sent at the rates of a ladder. */
export interface SharedPrefixLoad {
  readonly groups: number
  readonly promptsPerGroup: number
  /** Lengths as the engine counts them. */
  readonly systemTokens: number
  readonly questionTokens: number
  readonly outputTokens: number
  readonly arrivals: ArrivalProcess
  readonly stages: readonly Stage[]
}

/** A time with one rate. */
export interface Stage {
  readonly rateRps: number
  readonly durationSec: number
}

/** The requests of all stages, and which rows belong to which. */
export interface StagedWorkload {
  readonly requests: RequestTable
  /** First row of each stage, and the number of all rows. */
  readonly firstRows: readonly number[]
}

/**
 * Virtual time between the starts of stages, in ms. A stage begins when the one before has drained; how
 * long that takes is known only afterwards, and idle time costs nothing.
 */
export const STAGE_SPACING_MS = 24 * 3600 * 1000

/**
 * What inference-perf sends for a shared-prefix load: prompts are shuffled once, and every stage sends
 * them again from the first (kubernetes-sigs/inference-perf, shared_prefix_datagen.py and
 * load_generator.py).
 */
export function sharedPrefixWorkload(load: SharedPrefixLoad, seed: number): StagedWorkload {
  const builder = new RequestTableBuilder()
  const nodes: number[] = []
  for (let group = 0; group < load.groups; group++) {
    const system = builder.prompts.block(NO_NODE, group, load.systemTokens)
    for (let prompt = 0; prompt < load.promptsPerGroup; prompt++) {
      nodes.push(builder.prompts.block(system, prompt, load.questionTokens))
    }
  }
  shuffle(nodes, new RandomStream(seed, 'prompts'))
  const random = new RandomStream(seed, 'arrivals')
  const firstRows: number[] = []
  for (const [i, { rateRps, durationSec }] of load.stages.entries()) {
    firstRows.push(builder.size)
    const times = inferencePerfArrivals(load.arrivals, rateRps, durationSec, random)
    for (const [k, timeMs] of times.entries()) {
      builder.add({
        arrivalMs: i * STAGE_SPACING_MS + timeMs,
        promptTokens: load.systemTokens + load.questionTokens,
        outputTokens: load.outputTokens,
        prefixTokens: load.systemTokens,
        promptNode: nodes[k % nodes.length]!,
      })
    }
  }
  return { requests: builder.build(), firstRows: [...firstRows, builder.size] }
}

function shuffle(values: number[], random: RandomStream): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    const value = values[i]!
    values[i] = values[j]!
    values[j] = value
  }
}
