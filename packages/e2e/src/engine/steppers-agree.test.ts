import type { RunResult } from '@routesim/core'
import { LogHistogram } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { randomStory, type StoryKind } from '../testing/random-story.js'
import { tinyRun } from '../testing/tiny-run.js'

interface Observed {
  readonly run: RunResult
  readonly gaps: LogHistogram
}

function runWith(stepper: 'fast' | 'reference', seed: number, kind: StoryKind): Observed {
  const gaps = new LogHistogram()
  const run = tinyRun({
    ...randomStory(seed, kind),
    stepper,
    recorder: {
      tokenGaps: (baseMs, slopeMs, steps, requests) =>
        gaps.addSeries(baseMs, slopeMs, steps, requests),
    },
  })
  return { run, gaps }
}

/** Everything that is counted. */
function counters({ run, gaps }: Observed) {
  const { outcomes, rejectReasons, backends } = run
  return {
    rejectReasons,
    outcome: outcomes.outcome,
    backend: outcomes.backend,
    prefillBackend: outcomes.prefillBackend,
    cachedTokens: outcomes.cachedTokens,
    preemptions: outcomes.preemptions,
    rejectReason: outcomes.rejectReason,
    gaps: gaps.count,
    backends: backends.map(
      ({ busyMs: _, waitingRequestMs: __, runningRequestMs: ___, ...rest }) => rest,
    ),
  }
}

/** Everything that is measured in time. */
function times({ run, gaps }: Observed): Record<string, number[]> {
  const { outcomes, backends } = run
  return {
    admittedMs: [...outcomes.admittedMs],
    firstTokenMs: [...outcomes.firstTokenMs],
    finishedMs: [...outcomes.finishedMs],
    busyMs: backends.map(({ busyMs }) => busyMs),
    waitingRequestMs: backends.map(({ waitingRequestMs }) => waitingRequestMs),
    runningRequestMs: backends.map(({ runningRequestMs }) => runningRequestMs),
    gaps: [gaps.sum, gaps.min, gaps.max],
  }
}

/** The largest relative difference; infinite where one lacks what the other has. */
function difference(a: readonly number[], b: readonly number[]): number {
  let worst = 0
  for (const [i, value] of a.entries()) {
    if (Number.isNaN(value) !== Number.isNaN(b[i]!)) return Number.POSITIVE_INFINITY
    if (!Number.isNaN(value)) {
      worst = Math.max(worst, Math.abs(value - b[i]!) / Math.max(1, Math.abs(value)))
    }
  }
  return worst
}

test('the fast stepper gives what the reference gives in 2,000 plain runs', () => {
  for (let seed = 0; seed < 2000; seed++) {
    const fast = runWith('fast', seed, 'plain')
    const reference = runWith('reference', seed, 'plain')
    expect(counters(fast), `seed ${seed}`).toEqual(counters(reference))
    const expected = times(reference)
    for (const [name, values] of Object.entries(times(fast))) {
      expect(difference(values, expected[name]!), `seed ${seed}: ${name}`).toBeLessThan(1e-9)
    }
  }
})

test.each(['ties', 'stress'] as const)(
  'to the last bit in 2,000 runs of exact numbers: %s',
  (kind) => {
    let preemptions = 0
    let evictions = 0
    for (let seed = 0; seed < 2000; seed++) {
      const fast = runWith('fast', seed, kind)
      const reference = runWith('reference', seed, kind)
      expect(counters(fast), `${kind} ${seed}`).toEqual(counters(reference))
      expect(times(fast), `${kind} ${seed}`).toEqual(times(reference))
      const quantiles = ({ gaps }: Observed) =>
        Array.from({ length: 51 }, (_, i) => gaps.quantile(i / 50))
      expect(quantiles(fast), `${kind} ${seed}`).toEqual(quantiles(reference))
      for (const totals of reference.run.backends) {
        preemptions += totals.preemptions
        evictions += totals.evictions
      }
    }
    // The stories reach what they are meant to reach.
    expect(Math.min(preemptions, evictions)).toBeGreaterThan(1000)
  },
)
