import type { RunResult } from '@routesim/core'
import { LogHistogram } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { randomStory } from '../testing/random-story.js'
import { tinyRun } from '../testing/tiny-run.js'

/** Runs a story with one of the steppers, with all token gaps. */
function runWith(stepper: 'fast' | 'reference', seed: number) {
  const gaps = new LogHistogram()
  const run = tinyRun({
    ...randomStory(seed),
    stepper,
    recorder: {
      tokenGaps: (baseMs, slopeMs, steps, requests) =>
        gaps.addSeries(baseMs, slopeMs, steps, requests),
    },
  })
  return { run, gaps }
}

/** The largest relative difference of two columns; infinite where one lacks what the other has. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0
  for (let i = 0; i < a.length; i++) {
    if (Number.isNaN(a[i]!) !== Number.isNaN(b[i]!)) return Number.POSITIVE_INFINITY
    if (Number.isNaN(a[i]!)) continue
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!) / Math.max(1, Math.abs(a[i]!)))
  }
  return worst
}

function counters({ outcomes, rejectReasons, backends }: RunResult) {
  return {
    rejectReasons,
    outcome: outcomes.outcome,
    backend: outcomes.backend,
    prefillBackend: outcomes.prefillBackend,
    cachedTokens: outcomes.cachedTokens,
    preemptions: outcomes.preemptions,
    rejectReason: outcomes.rejectReason,
    backends: backends.map(
      ({ busyMs: _, waitingRequestMs: __, runningRequestMs: ___, ...rest }) => rest,
    ),
  }
}

test('the fast stepper gives what the reference gives', () => {
  for (let seed = 0; seed < 1500; seed++) {
    const fast = runWith('fast', seed)
    const reference = runWith('reference', seed)
    const where = `seed ${seed}`
    expect(counters(fast.run), where).toEqual(counters(reference.run))
    for (const column of ['admittedMs', 'firstTokenMs', 'finishedMs'] as const) {
      const worst = difference(fast.run.outcomes[column], reference.run.outcomes[column])
      expect(worst, `${where}: ${column}`).toBeLessThan(1e-9)
    }
    for (const total of ['busyMs', 'waitingRequestMs', 'runningRequestMs'] as const) {
      const of = ({ backends }: RunResult) => backends.map((backend) => backend[total])
      expect(difference(of(fast.run), of(reference.run)), `${where}: ${total}`).toBeLessThan(1e-9)
    }
    expect(fast.gaps.count, where).toBe(reference.gaps.count)
    expect(difference([fast.gaps.sum], [reference.gaps.sum]), where).toBeLessThan(1e-9)
  }
})
