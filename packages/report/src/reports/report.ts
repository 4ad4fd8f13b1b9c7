import type { Chart } from '../chart/chart.js'
import type { Table } from '../chart/table.js'

/** A table of a report, with what it is about. */
export interface ReportTable {
  readonly title: string
  readonly table: Table
}

/** A part of a report. */
export interface Section {
  readonly title: string
  /** Plain sentences; each a paragraph. */
  readonly text?: readonly string[]
  readonly tables?: readonly ReportTable[]
  readonly charts?: readonly Chart[]
}

/** How the same result is had again. */
export interface Origin {
  /** The command line as typed, quoted for a shell. */
  readonly command?: string | undefined
  /** Config file: where it was, and its text. */
  readonly config?: { readonly name: string; readonly text: string } | undefined
  /** Version of RouteSim. */
  readonly version?: string | undefined
}

/** Everything a page shows, as data: ids of charts are unique. */
export interface Report {
  readonly title: string
  /** What was simulated, in a sentence. */
  readonly subtitle: string
  /** What it comes to. */
  readonly verdict?: readonly string[]
  /** What a reader should know before believing it. */
  readonly notes?: readonly string[]
  readonly sections: readonly Section[]
  readonly origin: Origin
}
