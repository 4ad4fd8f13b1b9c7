import type { Chart } from '../chart/chart.js'
import { barOption } from './bar-option.js'
import { categoryLabels } from './category-labels.js'
import { type DrawOptions, legendExcess, type Option } from './frame.js'
import { heatmapOption } from './heatmap-option.js'
import { timelineOption } from './timeline-option.js'
import { xyOption } from './xy-option.js'

/** A chart as the chart library takes it. */
export function chartOption(chart: Chart, options: DrawOptions): Option {
  switch (chart.type) {
    case 'xy':
      return xyOption(chart, options)
    case 'bars':
      return barOption(chart, options)
    case 'heatmap':
      return heatmapOption(chart, options)
    case 'timeline':
      return timelineOption(chart, options)
  }
}

const HEIGHT = 340
const HEAD_AND_FOOT = 110

/** Height in pixels that suits a chart so wide: rows need room each, and so do those of its legend and long names. */
export function chartHeight(chart: Chart, width: number): number {
  if (chart.type === 'heatmap') return HEAD_AND_FOOT + Math.max(8, chart.rows.length) * 16
  if (chart.type === 'timeline') return HEAD_AND_FOOT + Math.max(8, chart.rows.length) * 12
  const shown = chart.type === 'xy' ? chart.series.filter((each) => !each.isGuide) : chart.series
  const labels = chart.type === 'bars' ? categoryLabels(chart.categories, width).excess : 0
  return (
    HEIGHT + labels + legendExcess(shown.length > 1 ? shown.map(({ name }) => name) : [], width)
  )
}
