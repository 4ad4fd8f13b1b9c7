import type { Mark } from '../chart/chart.js'

/** Heights at which labels can stand. */
const HEIGHTS = 3

/** A mark that can be told from those beside it. */
export interface PlacedMark extends Mark {
  /** Of its label: of marks that follow one another, each has another, 0 to 2. */
  readonly height: number
  /** Series that have this mark; none when it belongs to the whole chart. */
  readonly sharedBy: number
}

/**
 * Marks from left to right, with their labels at changing heights. Equal marks of several series are one that
 * says so, for they would hide one another.
 *
 * @param seriesCount - of the chart
 */
export function placedMarks(marks: readonly Mark[], seriesCount: number): PlacedMark[] {
  const firsts = marks.filter((mark, i) => marks.findIndex((other) => isSame(mark, other)) === i)
  const merged = firsts.map((first) => {
    const equal = marks.filter((mark) => isSame(mark, first))
    const sharedBy = new Set(equal.flatMap(({ series }) => series ?? [])).size
    if (sharedBy < 2) return { ...first, sharedBy }
    const who = sharedBy === seriesCount ? `all ${sharedBy}` : `${sharedBy} of ${seriesCount}`
    return { ...first, label: `${first.label} (${who})`, sharedBy }
  })
  return (['x', 'y'] as const).flatMap((axis) =>
    merged
      .filter((mark) => mark.axis === axis)
      .sort((a, b) => a.value - b.value)
      .map((mark, i) => ({ ...mark, height: i % HEIGHTS })),
  )
}

function isSame(a: Mark, b: Mark): boolean {
  return a.axis === b.axis && a.value === b.value && a.label === b.label
}
