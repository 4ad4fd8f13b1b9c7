import { writeFileSync } from 'node:fs'
import { extname } from 'node:path'
import { memoryUsage, queueStates, requestStates, type ServingSimRun } from '@routesim/experiments'
import { type CsvValue, toCsv } from '@routesim/metrics'
import type { ServingSimArguments } from '../commands/serving-sim-options.js'
import { outputFailed } from './write-results.js'

/** What is written of each run while others go on. */
export interface ServingSimFiles {
  /** Files of the first run. */
  readonly outputs: readonly string[]
  /** Whether a file needs single requests. */
  readonly wantsRequests: boolean
  readonly write: (run: ServingSimRun) => void
}

/**
 * The files that the flags ask for. Of several combinations each has files of its own: the first as it is
 * named, the next `queue_states.2.csv` and so on.
 */
export function servingSimFiles(args: ServingSimArguments): ServingSimFiles {
  const { sample_queue_states: isQueueSampled, sample_memory_usage: isMemorySampled } = args
  const { request_states_output: statesOutput, sample_rate: rate } = args
  const outputs = [
    ...(isQueueSampled === true ? [args.queue_states_output] : []),
    ...(isMemorySampled === true ? [args.memory_usage_output] : []),
    ...(statesOutput === undefined ? [] : [statesOutput]),
  ]
  return {
    outputs,
    wantsRequests: isQueueSampled === true || statesOutput !== undefined,
    write({ index, point, prefillInstances, samples, requests }) {
      if (isMemorySampled === true) {
        writeRows(memoryUsage(samples, prefillInstances), args.memory_usage_output, index)
      }
      if (requests === undefined) return
      if (isQueueSampled === true) {
        const rows = queueStates(requests, rate, point.ttftSlo * 1000)
        writeRows(rows, args.queue_states_output, index)
      }
      if (statesOutput !== undefined) {
        writeRows(requestStates(requests, prefillInstances), statesOutput, index)
      }
    },
  }
}

/** @throws RouteSimError `output_failed` */
function writeRows<Row extends { readonly [Key in keyof Row]: CsvValue }>(
  rows: Iterable<Row>,
  output: string,
  index: number,
): void {
  const ending = extname(output)
  const own =
    index === 0 ? output : `${output.slice(0, output.length - ending.length)}.${index + 1}${ending}`
  try {
    writeFileSync(own, toCsv(rows))
  } catch (cause) {
    throw outputFailed(own, cause)
  }
  console.error(`Wrote ${own}`)
}
