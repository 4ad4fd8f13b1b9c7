import type { Chart, Report } from '@routesim/report'
import { colorsFor } from './colors.js'
import type { ReportPackage } from './write-report.js'

/** Lines of a pipe, which has no width. */
const PIPE_WIDTH = 80

/** Draws charts on standard output, in colours where it has them. */
export function printCharts(charts: readonly Chart[], { renderTerminal }: ReportPackage): void {
  const { stdout, platform, env } = process
  const colors = colorsFor(stdout)
  const hues = [
    ...[colors.blueBright, colors.yellow, colors.green, colors.magenta],
    ...[colors.cyan, colors.red, colors.white, colors.gray],
  ]
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  const style = {
    width: stdout.columns ?? PIPE_WIDTH,
    isUnicode: platform === 'win32' || /utf-?8/i.test(locale),
    paint: colors.isColorSupported
      ? (index: number, text: string) => hues[index % hues.length]!(text)
      : undefined,
  }
  stdout.write(`${charts.map((chart) => renderTerminal(chart, style)).join('\n\n')}\n`)
}

/** Draws the first charts of a report below the results, when that was asked for. */
export async function showCharts(
  { chart }: { readonly chart?: boolean | undefined },
  make: (reports: ReportPackage) => Report,
  most: number,
): Promise<void> {
  if (chart !== true) return
  const reports = await import('@routesim/report')
  const charts = make(reports).sections.flatMap((section) => section.charts ?? [])
  if (charts.length === 0) {
    console.error('note: there is nothing to draw: no rate and no number of the config differs')
    return
  }
  process.stdout.write('\n')
  printCharts(charts.slice(0, most), reports)
}
