export type {
  Axis,
  BarChart,
  Chart,
  ChartBase,
  HeatmapChart,
  Mark,
  TimelineChart,
  Unit,
  XyChart,
  XySeries,
} from './chart/chart.js'
export type { Table, TableColumn } from './chart/table.js'
export type { SearchedCapacity } from './charts/attainment-by-load.js'
export type { ReportedDifference } from './charts/paired-differences.js'
export type {
  ReportedObjective,
  ReportedSensitivity,
  TriedPoint,
} from './charts/parameter-sensitivity.js'
export type { PrefixRatioSeries } from './charts/prefix-ratio.js'
export { renderHtml } from './html/render-html.js'
export { renderPng } from './image/render-png.js'
export { type PictureOptions, renderSvg } from './image/render-svg.js'
export { type TraceEventOptions, TraceEvents } from './perfetto/trace-events.js'
export { type PlotKind, plotCharts } from './plot/plot-charts.js'
export { type PlottedResults, type ResultFile, readResults } from './plot/read-results.js'
export type { ReportErrorCode } from './report-error-code.js'
export { type CapacityResults, capacityReport } from './reports/capacity-report.js'
export { type ComparedResults, compareReport } from './reports/compare-report.js'
export type { FailedRun } from './reports/failed-runs.js'
export type { Origin, Report, ReportTable, Section } from './reports/report.js'
export type { ReportedScenario } from './reports/scenario.js'
export { type SweptPoint, type SweptResults, sweepReport } from './reports/sweep-report.js'
export { type TunedFigures, type TunedResults, tuneReport } from './reports/tune-report.js'
export { type ValidatedResults, validationReport } from './reports/validation-report.js'
export { type WhatifResults, whatifReport } from './reports/whatif-report.js'
export type { RatePoint } from './results/rate-curves.js'
export type { ReportedResult } from './results/reported-result.js'
export type { SampledLoad } from './results/sampled-load.js'
export type { PredictedFigure } from './results/validation-result.js'
export { renderTerminal } from './terminal/render-terminal.js'
export type { TerminalStyle } from './terminal/terminal-style.js'
