import { setTimeout } from 'node:timers/promises'
import type { RunningRouter } from '@routesim/live'

const LOOK_EVERY_MS = 20

/** Settles when a router has found all its workers up, or after so long. It keeps no process alive. */
export async function untilUp({ core }: RunningRouter, withinSec: number): Promise<void> {
  const endMs = performance.now() + withinSec * 1000
  while (performance.now() < endMs && !core.backends.every(({ isUp }) => isUp))
    await setTimeout(LOOK_EVERY_MS, undefined, { ref: false })
}
