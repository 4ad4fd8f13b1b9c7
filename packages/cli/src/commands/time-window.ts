import type { TraceEdits } from '@routesim/traces'
import { UsageError } from '../usage-error.js'

/** `FROM:TO` in seconds, either of which may be left out. @throws UsageError */
export function windowOf(text: string | undefined): Pick<TraceEdits, 'fromMs' | 'toMs'> {
  if (text === undefined) return {}
  const parts = /^(\d+(?:\.\d+)?)?:(\d+(?:\.\d+)?)?$/.exec(text)
  if (parts === null) throw new UsageError(`--time-window: expected FROM:TO, got "${text}"`)
  const [from, to] = [parts[1], parts[2]]
  return {
    fromMs: Number(from ?? 0) * 1000,
    toMs: to === undefined ? undefined : Number(to) * 1000,
  }
}
