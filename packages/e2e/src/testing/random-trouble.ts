import { type BackendEvent, type BackendEventKind, RandomStream } from '@routesim/core'
import type { StoryKind } from './random-story.js'
import type { TinyRun } from './tiny-run.js'

type Trouble = Pick<TinyRun, 'events' | 'healthDelayMs' | 'retries' | 'timeoutMs'>

/** Times between the events of a backend, in ms; those of the ties fall on arrivals and ends of steps. */
const PAUSES: Readonly<Record<StoryKind, readonly number[]>> = {
  plain: [3.7, 20.3, 91.7],
  decimal: [0.3, 12.5, 25, 100],
  ties: [0.5, 2, 8, 64],
  stress: [0.5, 8, 64, 256],
}

/** Backends that fail, are drained, slow down, come and go; clients that lose patience and try again. */
export function randomTrouble(seed: number, kind: StoryKind, backends: number): Trouble {
  const random = new RandomStream(seed, `trouble ${kind}`)
  const pick = <T>(...options: readonly T[]): T => options[random.integer(options.length)]!
  const events: BackendEvent[] = []
  for (let backend = 0; backend < backends; backend++) {
    let atMs = 0
    let state: 'up' | 'down' | 'draining' | 'gone' = 'up'
    for (let left = random.integer(6); left > 0; left--) {
      atMs += pick(...PAUSES[kind])
      const may: BackendEventKind[] =
        state === 'up'
          ? ['fail', 'fail', 'drain', 'slow', 'remove']
          : state === 'gone'
            ? ['add']
            : ['recover', 'slow']
      const event = pick(...may)
      if (event === 'fail') state = 'down'
      if (event === 'drain') state = 'draining'
      if (event === 'remove') state = 'gone'
      if (event === 'recover' || event === 'add') state = 'up'
      events.push({
        atMs,
        backend,
        kind: event,
        ...(event === 'slow' && { factor: pick(0.5, 2, 4) }),
      })
    }
  }
  const timeoutMs = pick(undefined, 2, 40, 160)
  return {
    events: events as readonly BackendEvent[],
    healthDelayMs: pick(0, 0, 8),
    retries: { attempts: pick(0, 1, 3), backoffMs: pick(0, 2) },
    ...(timeoutMs !== undefined && { timeoutMs }),
  }
}
