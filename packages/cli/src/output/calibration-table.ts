import type { Calibration } from '@routesim/experiments'
import { alignedTable } from './table.js'

/** Fitted parameters beside what public figures say, and the errors of the fit. */
export function calibrationTable(calibration: Calibration, maxWidth: number): string {
  const rows = calibration.parameters.map(({ key, value, expected, least, isMeasured }) => [
    key,
    value.toPrecision(4),
    expected.toPrecision(4),
    least.toPrecision(4),
    isMeasured ? 'measurements' : 'physics',
  ])
  const table = alignedTable(
    [
      { title: 'parameter', align: 'left' },
      { title: 'fitted', align: 'right', rank: 1 },
      { title: 'public figures', align: 'right', rank: 2 },
      { title: 'least possible', align: 'right', rank: 4 },
      { title: 'told by', align: 'left', rank: 3 },
    ],
    rows,
    maxWidth,
  )
  const percent = (value: number | null): string =>
    value === null ? 'unknown' : `${value.toFixed(1)} %`
  return [
    table,
    '',
    `TTFT: error ${percent(calibration.ttftErrorPercent)}, leave-one-out ${percent(calibration.leaveOneOutTtftPercent)}`,
    `first to last token: error ${percent(calibration.decodeErrorPercent)}, leave-one-out ${percent(calibration.leaveOneOutDecodePercent)}`,
    `between client and scheduler: ${calibration.frontEndMs.toFixed(1)} ms per request`,
  ].join('\n')
}
