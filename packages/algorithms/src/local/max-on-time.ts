import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'
import { deadlineOf, sloParameters } from './deadlines.js'

/** One job of {@link mostOnTime}. */
export interface TimedJob {
  /** How long it takes. */
  readonly durationMs: number
  /** When it must be done, from now. */
  readonly dueMs: number
}

/** Sums of times that should be equal differ in their last digits. */
const TOLERANCE_MS = 1e-6

/**
 * A largest set of jobs that one machine can do on time, all of them ready now: by due date, and whenever
 * one would be late, the longest so far is given up. O(n²) as it stands, which queues are short enough for.
 *
 * Source: Moore, "An n job, one machine sequencing algorithm for minimizing the number of late jobs",
 * Management Science 15(1), 1968.
 *
 * @returns places of the jobs that are on time, by due date
 */
export function mostOnTime(jobs: readonly TimedJob[]): number[] {
  const byDueDate = jobs.map((_, i) => i).sort((a, b) => jobs[a]!.dueMs - jobs[b]!.dueMs || a - b)
  const kept: number[] = []
  let endMs = 0
  for (const i of byDueDate) {
    kept.push(i)
    endMs += jobs[i]!.durationMs
    if (endMs <= jobs[i]!.dueMs + TOLERANCE_MS) continue
    let longest = 0
    for (let k = 1; k < kept.length; k++) {
      if (jobs[kept[k]!]!.durationMs >= jobs[kept[longest]!]!.durationMs) longest = k
    }
    endMs -= jobs[kept[longest]!]!.durationMs
    kept.splice(longest, 1)
  }
  return kept
}

/**
 * As many first tokens on time as there can be, if prompts were computed one after another: what the
 * mixed-integer programme of a serving simulator maximises, without a solver.
 */
export const maxOnTime: LocalPolicyDefinition = defineLocalPolicy({
  name: 'max_on_time',
  description: 'As many first tokens on time as possible.',
  rule: 'Of all waiting requests a largest set is chosen whose first tokens can all be on time, if prompts are computed one after another (Moore and Hodgson). These go first, by due date; then the others, the shortest first. For each batch anew.',
  wins: 'There is too much to do, and a late first token is as bad as none.',
  loses: 'Late answers are worth something: whoever is late once waits until the queue is short.',
  source: 'Moore, Management Science 15(1), 1968',
  parameters: sloParameters,
  create: (slo) => ({
    arrange(waiting, order) {
      const { nowMs } = waiting
      const jobs = Array.from(order, (i) => ({
        durationMs: waiting.prefillMs(i),
        dueMs: deadlineOf(waiting.at(i), slo) - nowMs,
      }))
      const onTime = mostOnTime(jobs)
      const isOnTime = new Set(onTime)
      const late = Array.from(order).filter((i) => !isOnTime.has(i))
      late.sort((a, b) => jobs[a]!.durationMs - jobs[b]!.durationMs || a - b)
      order.set([...onTime, ...late])
    },
  }),
})
