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
 * Reads `i/n`, i from 0 to n - 1. `auto/n` takes i from the Indexed Job of Kubernetes (`JOB_COMPLETION_INDEX`) or the
 * job array of Slurm (`SLURM_ARRAY_TASK_ID`, from `SLURM_ARRAY_TASK_MIN` in steps of `SLURM_ARRAY_TASK_STEP`), and
 * `auto` also n from Slurm (`SLURM_ARRAY_TASK_COUNT`). An array that may be a part of another, submitted again, is
 * refused: Slurm does not tell what the other was.
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
  const count = of === undefined ? undefined : Number(of)
  if (which === 'auto') return checkShard(shardIn(environment, count))
  if (count === undefined) throw countMissing(which)
  return checkShard({ index: Number(which), count })
}

/** A shard as {@link parseShard} reads it. */
export function shardName({ index, count }: Shard): string {
  return `${index}/${count}`
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

type Environment = Parameters<typeof parseShard>[1]

function shardIn(environment: Environment, count: number | undefined): Shard {
  const { JOB_COMPLETION_INDEX: job, SLURM_ARRAY_TASK_ID: task } = environment
  if (task !== undefined && task !== '' && !job) return taskOf(environment, Number(task), count)
  if (job === undefined || job === '') {
    throw invalid(
      'expected JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID in the environment, got neither',
      'They are set in a Kubernetes Job with completionMode: Indexed, and in a Slurm job array.',
    )
  }
  if (count === undefined) throw countMissing('auto')
  return { index: Number(job), count }
}

/** The task of a job array that has one for every part. */
function taskOf(environment: Environment, task: number, asked: number | undefined): Shard {
  const told = environment['SLURM_ARRAY_TASK_COUNT'] ?? asked
  if (told === undefined) throw countMissing('auto')
  const count = Number(told)
  const step = Number(environment['SLURM_ARRAY_TASK_STEP'] ?? 1)
  const first = Number(environment['SLURM_ARRAY_TASK_MIN'] ?? 0)
  const end = first + (count - 1) * step
  const last = Number(environment['SLURM_ARRAY_TASK_MAX'] ?? end)
  const index = (task - first) / step
  const mayBeAll = asked === undefined ? first <= 1 && count > 1 : count === asked
  if (mayBeAll && last === end && Number.isInteger(index)) return { index, count }
  const all = asked === undefined ? 'all parts, from 0 or 1 on' : `all ${asked} parts`
  const got = count === 1 ? `task ${task} alone` : `${count} from ${first} to ${last}`
  throw invalid(
    `expected a job array of ${all}, got ${got}`,
    'Slurm tells nothing of an array before it: say which part it is, as in --shard 3/8, from 0 on.',
  )
}

function countMissing(which: string): Error {
  return invalid(
    `expected the number of shards too, as in ${which}/8, got "${which}"`,
    'Only Slurm tells it, in SLURM_ARRAY_TASK_COUNT.',
  )
}

function invalid(problem: string, hint?: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`shard: ${problem}`, {
    code: 'shard_invalid',
    path: 'shard',
    ...(hint !== undefined && { hint }),
  })
}
