import type { Chart } from '@routesim/report'
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
