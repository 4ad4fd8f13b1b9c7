import type { ServingSimResult } from '@routesim/experiments'
import { distributionTable } from './distribution-table.js'
import { sweepRendering } from './sweep-table.js'
import { counted } from './thousands.js'
import type { Rendering } from './write-results.js'

/** The combinations of the serving simulator: one in full, several as a sweep. */
export function servingSimRendering(points: readonly ServingSimResult[]): Rendering {
  const combined = sweepRendering(points.map(withoutPair), title(points))
  const whole = sweepRendering(points, title(points))
  const [only] = points
  return {
    ...whole,
    table: (maxWidth) =>
      points.length === 1
        ? `${title(points)}\n\n${distributionTable(only!.result, maxWidth)}`
        : combined.table(maxWidth),
    md: combined.md,
  }
}

/** The routers stand in the column of the algorithm, and what never varies stands above. */
function withoutPair({ settings, ...point }: ServingSimResult): ServingSimResult {
  const { prefill_global: _prefill, decode_global: _decode, ...others } = settings
  return { ...point, settings: others }
}

function title(points: readonly ServingSimResult[]): string {
  const [{ settings, rate, result }] = points as [ServingSimResult]
  const count = counted(result.total_requests, 'request')
  const fleet = result.per_backend.map(({ role }) => role)
  const prefill = fleet.filter((role) => role === 'prefill').length
  const instances = `${prefill} prefill and ${fleet.length - prefill} decode instances`
  const head = `${count} on ${instances}; seed ${result.seed}`
  if (points.length > 1) return `${head}; ${points.length} combinations`
  const { prefill_global, prefill_local, decode_global, decode_local } = settings
  const policies = `prefill ${prefill_global}, ${prefill_local}; decode ${decode_global}, ${decode_local}`
  return `${head}\n${rate} requests/s; ${policies}`
}
