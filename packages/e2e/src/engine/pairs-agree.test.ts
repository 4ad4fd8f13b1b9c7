// Features in pairs: both steppers agree, sums hold, and requests that come one by one fare as in a table.
import { OUTCOME, type RequestTable, type SimulationOptions, tableSource } from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { disagreement, imbalance, type Observed, observe } from '../testing/both-steppers.js'
import { FEATURES, featuresOf, type Numbers, pairedStory } from '../testing/paired-story.js'
import { kvTransfer, type TinyRun } from '../testing/tiny-run.js'
import { type Told, toldRun } from '../testing/told-run.js'

const names = Object.keys(FEATURES)
/** So many stories have each pair of features once; ROUTESIM_STORIES asks for more. */
const stories = Number(process.env['ROUTESIM_STORIES'] ?? names.length ** 2)

test.each<Numbers>(['exact', 'plain'])(
  'the steppers agree and nothing is lost, whatever comes together: %s numbers',
  (numbers) => {
    const ends = new Map<number, number>()
    for (let seed = 0; seed < (numbers === 'exact' ? stories : stories / 2); seed++) {
      const story = pairedStory(seed, numbers)
      const fast = observe(story, 'fast')
      const reference = observe(pairedStory(seed, numbers), 'reference')
      const about = `${numbers} ${seed}: ${featuresOf(seed).join(', ')}`
      expect(disagreement(fast, reference, numbers), about).toBeUndefined()
      expect(imbalance(fast, story), about).toBeUndefined()
      count(fast, ends)
    }
    // The stories reach what they are meant to reach.
    for (const outcome of [OUTCOME.completed, OUTCOME.rejected, OUTCOME.failed, OUTCOME.timed_out])
      expect(ends.get(outcome)).toBeGreaterThan(100)
  },
)

function count({ run }: Observed, ends: Map<number, number>): void {
  for (const outcome of run.outcomes.outcome) ends.set(outcome, (ends.get(outcome) ?? 0) + 1)
}

/** What needs a table, or calls requests by rows that mean nothing else. */
const ofTables = new Set(['followUps', 'closedLoop', 'watched', 'stepByStep', 'looks'])

function told(story: TinyRun, requests: SimulationOptions['requests']): Told {
  const { backends, router, transfer = kvTransfer, prefixCaching = true, seed = 1 } = story
  const { events, retries, timeoutMs, visibility, warmupRequests } = story
  const cluster = {
    backends: backends!,
    kvCache: radixKvCache({ prefixCaching }),
    kvTransfer: transfer,
  }
  return toldRun({
    cluster,
    router: router!,
    requests,
    seed,
    ...(visibility && { visibility }),
    ...(events && { events }),
    ...(retries && { retries }),
    ...(timeoutMs && { timeoutMs }),
    ...(warmupRequests && { warmupRequests }),
  })
}

test('every request fares as in the run of the table, whatever comes together', () => {
  let longest = 0
  for (let seed = 0; seed < 80; seed++) {
    let features = featuresOf(seed * 7).filter((name) => !ofTables.has(name))
    // Who holds requests that end elsewhere can not tell them from later ones with their ids.
    if (features.includes('gate') || features.includes('timeouts'))
      features = features.filter((name) => name !== 'holds')
    const [first, second] = [1, 2].map(() => pairedStory(seed, 'exact', features, 50))
    const requests = first!.requests as RequestTable
    longest = Math.max(longest, requests.size)
    const about = `${seed}: ${features.join(', ')}`
    expect(told(second!, tableSource(requests)), about).toEqual(told(first!, requests))
  }
  expect(longest).toBeGreaterThan(1500)
})
