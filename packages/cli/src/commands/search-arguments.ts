import type { SearchOptions } from '@routesim/experiments'
import type { Options } from 'yargs'
import { UsageError } from '../usage-error.js'
import { checkNumbers, type ExperimentArguments, experimentOptions } from './experiment-options.js'
import type { TraceArguments } from './trace-arguments.js'

/** Arguments of commands that search for an answer. */
export interface SearchArguments extends Omit<ExperimentArguments, 'seeds'>, TraceArguments {
  seeds: number | undefined
  chart: boolean | undefined
}

export const CHART: Options = {
  type: 'boolean',
  describe: 'Draw charts in the terminal, below the results',
}

/**
 * Says before the work begins that its charts have no place.
 * @throws UsageError
 */
export function checkChart({
  chart,
  format,
  output,
}: Pick<ExperimentArguments, 'format' | 'output'> & {
  readonly chart?: boolean | undefined
}): void {
  // With a file for the results, the table is printed beside it.
  const isPrinted = (format ?? 'table') === 'table' || (output !== undefined && output !== '-')
  if (chart === true && !isPrinted) {
    throw new UsageError(`--chart: expected a table to go with, got --format ${format}`)
  }
}

/**
 * The options that searches share, checked.
 * @throws UsageError
 */
export function searchOptions(
  args: SearchArguments,
): Omit<SearchArguments, 'visibility'> & Pick<SearchOptions, 'perRequest' | 'slo' | 'visibility'> {
  const { seeds } = args
  checkNumbers({ ...args, seeds: seeds ?? 1 })
  checkChart(args)
  // What pictures need of single runs is not kept: there are many, and none is shown.
  const { perRequest, slo, visibility = [] } = experimentOptions({ ...args, seeds: 1 })
  if (visibility.length > 1) {
    throw new UsageError(`--visibility: expected one profile, got ${visibility.join(',')}`)
  }
  const { visibility: _, ...others } = args
  return { ...others, perRequest, slo, visibility: visibility[0] }
}
