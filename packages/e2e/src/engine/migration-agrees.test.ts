// Requests that routers move about: both steppers agree, and nothing is lost.
import { type RequestTable, type RunResult, Simulation, tableSource } from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { randomStory, type StoryKind } from '../testing/random-story.js'
import { type TinyRun, tinyRun } from '../testing/tiny-run.js'
import { type Wanderings, wandering } from '../testing/wandering-router.js'

function wander(seed: number, kind: StoryKind, stepper: TinyRun['stepper']) {
  const story = randomStory(seed, kind)
  const seen: Wanderings = { moved: 0, refused: 0, log: [] }
  const router = wandering([story.router!].flat()[0]!, seed, seen)
  // Conservation of requests, tokens and blocks is checked by the engine after every run.
  return { seen, run: tinyRun({ ...story, router, stepper: stepper! }) }
}

function counted({ outcomes, rejectReasons, backends }: RunResult) {
  const { admittedMs: _, firstTokenMs: __, finishedMs: ___, ...counts } = outcomes
  return {
    rejectReasons,
    outcome: counts.outcome,
    backend: counts.backend,
    prefillBackend: counts.prefillBackend,
    cachedTokens: counts.cachedTokens,
    preemptions: counts.preemptions,
    backends: backends.map(
      ({ busyMs: _b, waitingRequestMs: _w, runningRequestMs: _r, ...rest }) => rest,
    ),
  }
}

test.each(['ties', 'stress'] as const)(
  'both steppers agree to the last bit in 500 runs in which requests wander: %s',
  (kind) => {
    let moved = 0
    let refused = 0
    let told = 0
    for (let seed = 0; seed < 500; seed++) {
      const fast = wander(seed, kind, 'fast')
      const reference = wander(seed, kind, 'reference')
      expect(fast.seen.log, `${kind} ${seed}`).toEqual(reference.seen.log)
      expect(counted(fast.run), `${kind} ${seed}`).toEqual(counted(reference.run))
      for (const time of ['admittedMs', 'firstTokenMs', 'finishedMs'] as const) {
        expect(fast.run.outcomes[time], `${kind} ${seed} ${time}`).toEqual(
          reference.run.outcomes[time],
        )
      }
      moved += reference.seen.moved
      refused += reference.seen.refused
      told += reference.seen.log.length
    }
    // The stories reach what they are meant to reach.
    expect(Math.min(moved, refused)).toBeGreaterThan(1000)
    expect(told).toBeGreaterThan(10_000)
  },
)

test('routers hear the same in the same order in 500 runs in which the last bits of times differ', () => {
  let told = 0
  for (let seed = 0; seed < 500; seed++) {
    const fast = wander(seed, 'decimal', 'fast')
    const reference = wander(seed, 'decimal', 'reference')
    expect(fast.seen.log, `${seed}`).toEqual(reference.seen.log)
    expect(counted(fast.run), `${seed}`).toEqual(counted(reference.run))
    told += reference.seen.log.length
  }
  expect(told).toBeGreaterThan(10_000)
})

test('nothing is lost of requests that come one by one, in rows that are given again', () => {
  let moved = 0
  for (let seed = 0; seed < 200; seed++) {
    const { requests, backends, router, transfer, maxInFlight, ...story } = randomStory(
      seed,
      'ties',
    )
    const table = requests as RequestTable
    // What waits for others needs all of the table.
    if (table.predecessor !== undefined) continue
    const seen: Wanderings = { moved: 0, refused: 0, log: [] }
    const { prefixCaching = true, ...options } = story
    let ended = 0
    const simulation = new Simulation({
      ...options,
      seed,
      warmupRequests: 0,
      cluster: {
        backends: backends!,
        kvCache: radixKvCache({ prefixCaching }),
        kvTransfer: transfer!,
      },
      requests: tableSource(table),
      router: wandering([router!].flat()[0]!, seed, seen),
      recorder: { requestEnded: () => ended++ },
    })
    while (!simulation.run());
    expect(ended, `${seed}`).toBe(table.size)
    moved += seen.moved
  }
  expect(moved).toBeGreaterThan(200)
})
