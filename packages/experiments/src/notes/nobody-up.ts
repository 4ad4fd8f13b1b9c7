import type { BackendEvent } from '@routesim/core'

/** A time in which no backend of a fleet takes requests. */
export interface NobodyUp {
  readonly fromMs: number
  /** Infinite when none comes back. */
  readonly toMs: number
}

/**
 * The longest time in which events leave no backend that takes requests; undefined when there is always one.
 * @param backends - how many the fleet has
 */
export function nobodyUp(events: readonly BackendEvent[], backends: number): NobodyUp | undefined {
  const ordered = [...events].sort((a, b) => a.atMs - b.atMs)
  const up = new Set(Array.from({ length: backends }, (_, backend) => backend))
  const seen = new Set<number>()
  for (const { backend, kind } of ordered) {
    if (!seen.has(backend) && kind === 'add') up.delete(backend)
    seen.add(backend)
  }
  let longest: NobodyUp | undefined
  let fromMs = 0
  const end = (toMs: number): void => {
    if (up.size === 0 && !(longest && toMs - fromMs <= longest.toMs - longest.fromMs))
      longest = { fromMs, toMs }
  }
  for (const { atMs, backend, kind } of ordered) {
    const isBack = kind === 'add' || kind === 'recover'
    if (isBack) end(atMs)
    if (up.size === 1 && !isBack) fromMs = atMs
    if (isBack) up.add(backend)
    else if (kind !== 'slow') up.delete(backend)
  }
  end(Number.POSITIVE_INFINITY)
  return longest
}
