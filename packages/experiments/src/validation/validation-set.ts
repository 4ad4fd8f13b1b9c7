import type { DataFolder } from './data/data-folder.js'
import type { SignalAge } from './llmd/aged-signals.js'
import type { UnpredictedRow } from './report/unpredicted-row.js'
import type { ValidationRow } from './report/validation-row.js'

/** How sets are predicted. */
export interface PredictionOptions {
  /** Draws of random arrivals to average over. */
  readonly seeds: number
  /** How old the load figures are that scraping routers see; the stack's own when absent. */
  readonly signalAge?: SignalAge
}

/** A figure that was or could have been published, predicted or not. */
export type PublishedRow = ValidationRow | UnpredictedRow

/** One folder of published measurements and how it is predicted. */
export interface ValidationSet {
  /** Name of the folder. */
  readonly name: string
  readonly description: string
  /** A row per figure of every run that the folder defines, predicted or with the reason why not. */
  predict(data: DataFolder, options: PredictionOptions): PublishedRow[]
}
