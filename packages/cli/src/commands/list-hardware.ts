import { listGpus, listModels } from '@routesim/experiments'
import type { CommandBody } from '../command-body.js'
import { alignedTable, type Column } from '../output/table.js'
import { printFitted } from '../output/wrapped.js'

interface ListArguments {
  format: 'text' | 'json'
}

const MEGA = 1e6
const GIGA = 1e9
const TERA = 1e12

/** `routesim list-models`: what `cluster.model` may name. */
export const listModelsCommand: CommandBody<ListArguments> = listCommand(
  listModels,
  // Short enough for 80 columns: KV cache per token, states of linear layers per request.
  ['model', 'params', 'active', 'weights', 'GB', 'B/token', 'MB/req'],
  (model) => [
    model.name,
    (model.parameters / GIGA).toFixed(1),
    (model.activeParameters / GIGA).toFixed(1),
    model.weights,
    (model.weightBytes / GIGA).toFixed(1),
    String(model.kvBytesPerToken),
    model.stateBytesPerRequest === 0 ? '-' : (model.stateBytesPerRequest / MEGA).toFixed(1),
  ],
)

/** `routesim list-gpus`: what `cluster.gpu` may name. */
export const listGpusCommand: CommandBody<ListArguments> = listCommand(
  listGpus,
  ['GPU', 'GB', 'GB/s', 'TFLOPs 16-bit', 'fp8', 'fp4', 'link', '$/h'],
  (gpu) => [
    gpu.name,
    String(gpu.memoryBytes / GIGA),
    String(Math.round(gpu.memoryBandwidthBytesPerSec / GIGA)),
    ...[gpu.denseFlops.fp16, gpu.denseFlops.fp8, gpu.denseFlops.fp4].map((flops) =>
      flops === undefined ? '-' : String(flops / TERA),
    ),
    gpu.link,
    gpu.pricePerHourUsd.toFixed(2),
  ],
)

/** A command that prints a catalogue: a row each, or the records as JSON. */
function listCommand<Entry>(
  entries: () => readonly Entry[],
  titles: readonly string[],
  cells: (entry: Entry) => string[],
): CommandBody<ListArguments> {
  return {
    builder: (yargs) =>
      yargs.option('format', {
        choices: ['text', 'json'] as const,
        default: 'text' as const,
        requiresArg: true,
        describe: 'Print as',
      }),
    handler: ({ format }) => {
      const columns = titles.map(
        (title): Column => ({
          title,
          align: ['model', 'GPU', 'weights', 'link'].includes(title) ? 'left' : 'right',
        }),
      )
      if (format === 'json') console.log(JSON.stringify(entries(), undefined, 2))
      else printFitted((maxWidth) => alignedTable(columns, entries().map(cells), maxWidth))
    },
  }
}
