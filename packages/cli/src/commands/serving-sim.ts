import { RouteSimError } from '@routesim/core'
import { type ServingSimReport, servingSim } from '@routesim/experiments'
import { toCsv } from '@routesim/metrics'
import type { CommandBody } from '../command-body.js'
import { servingSimFiles } from '../output/serving-sim-files.js'
import { servingSimRendering } from '../output/serving-sim-table.js'
import {
  checkTarget,
  checkWritable,
  type OutputFormat,
  writeResults,
  writeText,
} from '../output/write-results.js'
import { givenText } from '../usage-messages.js'
import { RESULT_OPTIONS, watched } from './experiment-options.js'
import {
  axesOf,
  checkRest,
  SERVING_SIM_OPTIONS,
  type ServingSimArguments,
  trafficOf,
  transferOf,
} from './serving-sim-options.js'
import { stopped } from './stopped.js'

interface Arguments extends ServingSimArguments {
  format: OutputFormat | undefined
  output: string | undefined
}

/** Steps of decode instances are about so far apart, in ms. */
const STEP_MS = 50

/** `routesim serving-sim`: the command line of the LLM-Serving-Simulator. */
export const servingSimCommand: CommandBody<Arguments> = {
  builder: (yargs) =>
    yargs
      .options(SERVING_SIM_OPTIONS)
      .options({ format: RESULT_OPTIONS.format, output: RESULT_OPTIONS.output })
      .example(
        '$0 serving-sim --lambda_arrival 1.66 --prefill_local shortest --trace_path trace.jsonl',
        '',
      ) as never,
  handler: async (args) => {
    checkRest(args)
    const axes = axesOf(args)
    const traffic = trafficOf(args)
    const files = servingSimFiles(args)
    await checkTarget(args)
    for (const output of [args.csv_output, ...files.outputs]) {
      if (output !== undefined) await checkWritable(output)
    }
    tellWhatHasNoEffect(args)
    const report = await watched((control) =>
      servingSim({
        ...{ axes, traffic, ...control },
        prefillConfig: args.prefill_config,
        decodeConfig: args.decode_config,
        model: args.model_id,
        kvTransfer: transferOf(args),
        extensions: args.extensions,
        jobs: args.n_jobs,
        checkpoint: args.checkpoint_path,
        resume: args.resume,
        sampleIntervalMs:
          args.sample_memory_usage === true ? STEP_MS / args.sample_rate : undefined,
        perRequest: files.wantsRequests,
        onRun: files.write,
      }),
    )
    await show(report, args, files.outputs.length > 0)
  },
}

/** Commands of the original are taken as they are, and may say more than is asked for. */
function tellWhatHasNoEffect(args: Arguments): void {
  const { request_source: source, request_count, max_len, commandLine } = args
  if (source === 'mooncake' && request_count !== undefined) {
    console.error('note: --request_count: all requests of the trace are taken')
  }
  if (max_len !== undefined) console.error('note: --max_len has no effect, as in the original')
  const hasQueues = args.sample_queue_states === true
  const hasMemory = args.sample_memory_usage === true
  const needed = {
    trace_path: source !== 'mooncake' && '--request_source mooncake',
    zipf_s: source !== 'zipfian' && '--request_source zipfian',
    lognormal_mean: source !== 'lognormal' && '--request_source lognormal',
    queue_states_output: !hasQueues && '--sample_queue_states',
    memory_usage_output: !hasMemory && '--sample_memory_usage',
    sample_rate: !hasQueues && !hasMemory && '--sample_queue_states or --sample_memory_usage',
  }
  for (const [flag, other] of Object.entries(needed)) {
    if (other !== false && givenText(commandLine, flag) !== '') {
      console.error(`note: --${flag} has no effect without ${other}`)
    }
  }
}

async function show(report: ServingSimReport, args: Arguments, isSampled: boolean): Promise<void> {
  const { rows, points, failures, combinations, known, tornLines } = report
  if (tornLines > 0) {
    const which = tornLines === 1 ? 'a torn line' : `${tornLines} torn lines`
    console.error(`note: left out of the checkpoint: ${which}`)
  }
  if (known > 0) {
    const unseen = isSampled ? ', of which nothing is sampled' : ''
    console.error(`note: ${known} of ${combinations} are from the checkpoint${unseen}`)
  }
  if (points.length > 0) await writeResults(servingSimRendering(points), args)
  if (args.csv_output !== undefined && rows.length > 0) {
    await writeText(toCsv(rows).trimEnd(), args.csv_output)
    console.error(`Wrote ${args.csv_output}`)
  }
  if (report.interrupted) throw stopped(points.length, combinations)
  for (const { point, message } of failures) console.error(`failed: ${point}: ${message}`)
  if (failures.length > 0) {
    throw new RouteSimError(`${failures.length} of ${combinations} combinations failed`, {
      code: 'runs_failed',
    })
  }
}
