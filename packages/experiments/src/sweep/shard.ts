import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'

/** One of several parts of a sweep, each for a machine of its own. */
export interface Shard {
  /** From 0. */
  readonly index: number
  readonly count: number
}

const MOST_SHARDS = 1_000_000

/**
 * Reads `i/n`, i from 0 to n - 1. `auto/n` takes i from the Indexed Job of Kubernetes
 * (`JOB_COMPLETION_INDEX`) or the job array of Slurm (`SLURM_ARRAY_TASK_ID`, counted from
 * `SLURM_ARRAY_TASK_MIN`), and `auto` also n from Slurm (`SLURM_ARRAY_TASK_COUNT`).
 *
 * @throws RouteSimError `shard_invalid`
 *
 * @example
 * parseShard('2/8', {}) // => { index: 2, count: 8 }
 */
export function parseShard(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): Shard {
  const [, which, of] = /^(auto|\d+)(?:\/(\d+))?$/.exec(text) ?? []
  if (which === undefined) throw invalid(`expected i/n such as 0/8, or auto/8, got "${text}"`)
  const count = of ?? (which === 'auto' ? environment['SLURM_ARRAY_TASK_COUNT'] : undefined)
  if (count === undefined) {
    throw invalid(
      `expected the number of shards too, as in ${which}/8, got "${text}"`,
      'Only Slurm tells it, in SLURM_ARRAY_TASK_COUNT.',
    )
  }
  return checkShard({
    index: which === 'auto' ? indexIn(environment) : Number(which),
    count: Number(count),
  })
}

/** @throws RouteSimError `shard_invalid` */
export function checkShard(shard: Shard): Shard {
  const { index, count } = shard
  if (!(Number.isInteger(count) && count >= 1 && count <= MOST_SHARDS)) {
    throw invalid(`expected 1 to ${MOST_SHARDS} shards, got ${count}`)
  }
  if (!(Number.isInteger(index) && index >= 0 && index < count)) {
    throw invalid(`expected 0/${count} to ${count - 1}/${count}, got ${index}/${count}`)
  }
  return shard
}

function indexIn(environment: Readonly<Record<string, string | undefined>>): number {
  const { JOB_COMPLETION_INDEX: job, SLURM_ARRAY_TASK_ID: task } = environment
  if (job !== undefined && job !== '') return Number(job)
  if (task !== undefined && task !== '') {
    return Number(task) - Number(environment['SLURM_ARRAY_TASK_MIN'] ?? 0)
  }
  throw invalid(
    'expected JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID in the environment, got neither',
    'They are set in a Kubernetes Job with completionMode: Indexed, and in a Slurm job array.',
  )
}

function invalid(problem: string, hint?: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`shard: ${problem}`, {
    code: 'shard_invalid',
    path: 'shard',
    ...(hint !== undefined && { hint }),
  })
}
