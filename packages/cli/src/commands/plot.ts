import { readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { RouteSimError } from '@routesim/core'
import type { PlotKind, ResultFile } from '@routesim/report'
import type { CommandBody } from '../command-body.js'
import { printCharts } from '../output/print-charts.js'
import { type ReportArguments, writeBytes, writeReport } from '../output/write-report.js'
import { checkTarget } from '../output/write-results.js'
import { UsageError } from '../usage-error.js'

interface PlotArguments extends ReportArguments {
  results: string[]
  output: string | undefined
  kind: PlotKind | undefined
  theme: 'light' | 'dark'
  width: number | undefined
}

/** Named here too, so that the package with the pictures is loaded only when it draws. */
const KINDS: Readonly<Record<PlotKind, true>> = {
  latency: true,
  ttft: true,
  itl: true,
  e2e: true,
  length: true,
  cache: true,
  load: true,
  timeline: true,
  rate: true,
  pareto: true,
  validation: true,
  'prefix-ratio': true,
}
const ENDINGS = ['.svg', '.png', '.html'] as const
const WIDTHS = { least: 200, most: 4000 } as const

/** `routesim plot`: pictures from result files. */
export const plotCommand: CommandBody<PlotArguments> = {
  builder: (yargs) =>
    yargs
      .positional('results', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'JSON of run, compare, sweep or validate; 0.5=FILE gives it a prefix ratio',
      })
      .options({
        output: {
          alias: 'o',
          type: 'string',
          requiresArg: true,
          describe:
            'Write a picture (.svg, .png) or a page (.html); drawn in the terminal by default',
        },
        kind: {
          alias: 'k',
          choices: Object.keys(KINDS),
          requiresArg: true,
          describe: 'What to draw; by default what fits the results',
        },
        theme: { choices: ['light', 'dark'] as const, default: 'light', requiresArg: true },
        width: {
          type: 'number',
          requiresArg: true,
          describe: 'Width of each chart in pixels (default 720)',
        },
      })
      .example('$0 plot compare.json -o compare.svg', '')
      .example('$0 plot sweep.json -k pareto', '')
      .example('$0 plot 0.1=a.json 0.5=b.json 0.9=c.json -o ratios.png', '') as never,
  handler: async (args) => {
    const { results, output, kind, theme, width } = args
    const ending = ENDINGS.find((name) => name === extname(output ?? '').toLowerCase())
    if (output !== undefined && ending === undefined) {
      throw new UsageError(
        `--output: expected a name that ends in .svg, .png or .html, got "${output}"`,
      )
    }
    if (width !== undefined && !(width >= WIDTHS.least && width <= WIDTHS.most)) {
      throw new UsageError(
        `--width: expected a number from ${WIDTHS.least} to ${WIDTHS.most}, got ${width}`,
      )
    }
    await checkTarget({ format: undefined, output }, ENDINGS)
    const reports = await import('@routesim/report')
    const files = await Promise.all(results.map(readResult))
    const charts = reports.plotCharts(reports.readResults(files), kind)
    if (output === undefined) printCharts(charts, reports)
    else if (ending === '.html') {
      const title = files.map(({ name }) => name).join(', ')
      await writeReport({ ...args, report: output }, (_, origin) => ({
        title,
        subtitle: '',
        sections: [{ title: 'Charts', charts }],
        origin,
      }))
    } else {
      const svg = reports.renderSvg(charts, { theme, width })
      await writeBytes(ending === '.png' ? await reports.renderPng(svg) : svg, output)
    }
  },
}

/** A file, or `RATIO=FILE`. */
async function readResult(word: string): Promise<ResultFile> {
  const [, ratio, file] = /^(0(?:\.\d+)?|1(?:\.0+)?)=(.+)$/.exec(word) ?? []
  const path = file ?? word
  const prefixRatio = ratio === undefined ? undefined : Number(ratio)
  return { name: basename(path, '.json'), json: await readJson(path), prefixRatio }
}

async function readJson(path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const { whyUnreadable } = await import('@routesim/experiments')
    throw unreadable(path, whyUnreadable(cause), cause)
  }
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    const found = (cause as Error).message.replaceAll(/\s+/g, ' ')
    throw unreadable(path, `expected a JSON file of results: ${found}`, cause)
  }
}

function unreadable(path: string, why: string, cause: unknown): RouteSimError {
  return new RouteSimError(`${path}: ${why}`, { code: 'result_unreadable', path, cause })
}
