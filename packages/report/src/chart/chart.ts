import type { Table } from './table.js'

/** What a number is, which decides how it is written: a share is from 0 to 1, a count is whole. */
export type Unit = 'ms' | 'share' | 'usd' | 'number' | 'count'

/** One axis of a chart. */
export interface Axis {
  readonly title: string
  readonly unit: Unit
  /** `log` only for values above 0, and with bounds, which are rounded outward. */
  readonly scale: 'linear' | 'log'
  readonly min?: number
  readonly max?: number
}

/** What all charts have. */
export interface ChartBase {
  /** Unique within a report, a word of letters, digits and dashes. */
  readonly id: string
  readonly title: string
  /** A sentence that says what there is to see, for those who do not see it. */
  readonly summary: string
  /** The same in figures. */
  readonly table: Table
}

/** Points of one thing. Columns have equal lengths; null makes a gap. */
export interface XySeries {
  readonly name: string
  readonly draw: 'line' | 'points' | 'steps'
  readonly x: readonly (number | null)[]
  readonly y: readonly (number | null)[]
  /** Half the width of the interval around each `y`. */
  readonly spread?: readonly (number | null)[]
  /** Written beside the points. */
  readonly labels?: readonly string[]
  /** Drawn faintly, in the colour of the series of this index. */
  readonly behind?: number
  /** A guide rather than data: grey, dashed, without marks. */
  readonly isGuide?: boolean
}

/** A straight line across a chart at a value of one axis. */
export interface Mark {
  readonly axis: 'x' | 'y'
  readonly value: number
  readonly label: string
  /** Index of the series whose colour it has. */
  readonly series?: number
}

/** Lines or points in a plane. */
export interface XyChart extends ChartBase {
  readonly type: 'xy'
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly XySeries[]
  readonly marks?: readonly Mark[]
  /** Axis on which values of several series are read together; none for points. */
  readonly readAlong?: 'x' | 'y'
}

/** Bars side by side for each of some things. */
export interface BarChart extends ChartBase {
  readonly type: 'bars'
  readonly categories: readonly string[]
  readonly value: Axis
  readonly series: readonly {
    readonly name: string
    readonly values: readonly (number | null)[]
    readonly spread?: readonly (number | null)[]
  }[]
}

/** A colour for every row and interval. */
export interface HeatmapChart extends ChartBase {
  readonly type: 'heatmap'
  readonly x: Axis
  /** Start of each interval. */
  readonly from: readonly number[]
  readonly rows: readonly string[]
  readonly rowTitle: string
  /** `max` is the value of the strongest colour. */
  readonly value: Pick<Axis, 'title' | 'unit'> & { readonly max: number }
  /** By row, then by interval. */
  readonly values: readonly (readonly (number | null)[])[]
  /** On the axis of time alone. */
  readonly marks?: readonly Mark[]
}

/** What happened when, one row after another. */
export interface TimelineChart extends ChartBase {
  readonly type: 'timeline'
  readonly x: Axis
  readonly phases: readonly string[]
  readonly rowTitle: string
  readonly rows: readonly {
    readonly name: string
    readonly spans: readonly {
      /** Index into `phases`. */
      readonly phase: number
      readonly fromMs: number
      readonly toMs: number
    }[]
  }[]
}

/** A picture as data: it can be drawn in a page, a file or a terminal. */
export type Chart = XyChart | BarChart | HeatmapChart | TimelineChart
