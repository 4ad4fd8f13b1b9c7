// Llumnix leaves out the rounds in which there is nothing to move: it must move all that it would otherwise.
import { leastOutstanding, llumnix, pdPair } from '@routesim/algorithms'
import { type BackendEvent, RandomStream, type RoutingAlgorithm } from '@routesim/core'
import { expect, test } from 'vitest'
import { pollingLlumnix } from '../testing/polling-llumnix.js'
import { randomStory, type StoryKind, untroubled } from '../testing/random-story.js'
import { randomTrouble } from '../testing/random-trouble.js'
import { seeing, type TinyRun, tinyRun } from '../testing/tiny-run.js'

/** What happens in a run of a router, and how often it had a round made. */
function observe(story: TinyRun, router: RoutingAlgorithm) {
  const log: string[] = []
  let moves = 0
  let rounds = 0
  const { outcomes } = tinyRun({
    ...story,
    router: {
      ...router,
      onDispatched(request, on, cluster, decode) {
        log.push(`${cluster.nowMs}: ${request.id} to ${on.id} ${decode.id}`)
        router.onDispatched?.(request, on, cluster, decode)
      },
      onMigrated(request, on, hasMoved, cluster) {
        if (hasMoved) moves++
        log.push(`${cluster.nowMs}: ${request.id} ${hasMoved ? 'moved to' : 'stays on'} ${on.id}`)
        router.onMigrated?.(request, on, hasMoved, cluster)
      },
      onTimer(id, cluster) {
        rounds++
        router.onTimer?.(id, cluster)
      },
    },
  })
  const { finishedMs, outcome, backend } = outcomes
  const ends = Array.from(outcome, (end, i) => `${i}: ${end} at ${finishedMs[i]} on ${backend[i]}`)
  return { moves, rounds, happened: [...log, ...ends] }
}

/** What is heard of in the very instant of a round that is not awaited counts in the next. */
function betweenRounds(event: BackendEvent): BackendEvent {
  return { ...event, atMs: event.atMs + 2 ** -10 }
}

/** Caches of all sizes; half of the stories with trouble, and a third with metrics that are polled. */
function storyOf(seed: number, kind: StoryKind): TinyRun {
  const random = new RandomStream(seed, `rounds ${kind}`)
  const pick = <T>(...options: readonly T[]): T => options[random.integer(options.length)]!
  const story = randomStory(seed, kind)
  // Tiny ones are always short of room, large ones only while they are drained.
  const scale = pick(1, 2, 4, 20)
  const backends = story.backends!.map((each) => ({
    ...each,
    kv: { ...each.kv, blocks: scale * each.kv.blocks },
  }))
  const metrics = { intervalMs: pick(2, 8, 20), delayMs: pick(0, 0, 3), dropProbability: 0 }
  const trouble =
    random.integer(2) === 0 ? randomTrouble(seed, kind, story.backends!.length) : undefined
  return {
    ...untroubled(story),
    backends,
    ...(trouble && { ...trouble, events: trouble.events!.map(betweenRounds) }),
    ...(random.integer(3) === 0 && { visibility: seeing({ metrics }) }),
  }
}

test.each<StoryKind>(['ties', 'stress'])(
  'it moves the same requests at the same times as one that looks in every round: %s',
  (kind) => {
    const sums = { moves: 0, rounds: 0, polls: 0 }
    for (let seed = Number(process.env['FROM'] ?? 0); seed < 300; seed++) {
      const random = new RandomStream(seed, 'parameters')
      const pick = <T>(...options: readonly T[]): T => options[random.integer(options.length)]!
      const [threshold, intervalMs] = [pick(-1, 0, 3, 10, 30), pick(0.5, 4, 20)]
      const story = storyOf(seed, kind)
      const isSplit = story.backends!.some(({ role }) => role !== 'both')
      const around = (router: RoutingAlgorithm): RoutingAlgorithm =>
        isSplit ? pdPair(leastOutstanding.create(), router) : router
      const lazy = observe(story, around(llumnix.create({ threshold, interval_ms: intervalMs })))
      const polling = observe(story, around(pollingLlumnix(threshold, intervalMs)))
      expect(lazy.happened, `${kind} ${seed}`).toEqual(polling.happened)
      sums.moves += polling.moves
      sums.rounds += lazy.rounds
      sums.polls += polling.rounds
    }
    // The stories reach what they are meant to reach, and rounds are left out.
    expect(sums.moves).toBeGreaterThan(150)
    expect(sums.rounds).toBeLessThan(0.8 * sums.polls)
  },
)
