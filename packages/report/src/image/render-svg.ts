import type { Chart } from '../chart/chart.js'
import { init, setPlatformAPI } from '../draw/chart-library.js'
import { chartHeight, chartOption } from '../draw/chart-option.js'
import { DARK, LIGHT } from '../draw/theme.js'
import { escapeHtml } from '../html/escape-html.js'
import { measureText } from './measure-text.js'

/** How a picture is drawn. */
export interface PictureOptions {
  /** Width of each chart in pixels; 480 to 720, as many stand in a row, by default. */
  readonly width?: number | undefined
  readonly theme?: 'light' | 'dark' | undefined
}

/** Width of each chart where one, two or three stand side by side. */
const WIDTHS = [720, 560, 480] as const

/**
 * Draws charts as one SVG picture with their titles, two or three in a row. Text is text; the font is DejaVu
 * Sans, or what the viewer has.
 *
 * @example
 * renderSvg([latencyCdf(results, 'ttft_ms')], { width: 600 })
 */
export function renderSvg(
  charts: readonly Chart[],
  { width: wanted, theme: name = 'light' }: PictureOptions = {},
): string {
  setPlatformAPI({ measureText })
  const theme = name === 'dark' ? DARK : LIGHT
  const columns = charts.length % 3 === 0 ? 3 : Math.min(2, charts.length)
  const width = wanted ?? WIDTHS[columns - 1]!
  const rows = Array.from({ length: Math.ceil(charts.length / columns) }, (_, row) =>
    charts.slice(row * columns, (row + 1) * columns),
  )
  let top = 0
  const panels: string[] = []
  for (const row of rows) {
    const height = Math.max(...row.map((chart) => chartHeight(chart, width))) + TITLE
    row.forEach((chart, column) => {
      const options = { theme, width, hasTitle: true }
      const drawn = init(null, null, { renderer: 'svg', ssr: true, width, height })
      try {
        drawn.setOption(chartOption(chart, options))
        const svg = namedBy(drawn.renderToSVGString(), `p${panels.length}`)
        panels.push(svg.replace('<svg ', `<svg x="${column * width}" y="${top}" `))
      } finally {
        drawn.dispose()
      }
    })
    top += height
  }
  const description = charts.map(({ title, summary }) => `${title}. ${summary}`).join('\n')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" width="${columns * width}" height="${top}" viewBox="0 0 ${columns * width} ${top}">`,
    `<title>${escapeHtml(charts.map(({ title }) => title).join('; '))}</title>`,
    `<desc>${escapeHtml(description)}</desc>`,
    `<rect width="100%" height="100%" fill="${theme.background}"/>`,
    ...panels,
    '</svg>\n',
  ].join('\n')
}

const TITLE = 20

/** Ids count the charts that this process ever drew: replaced, so that equal charts are equal bytes. */
function namedBy(svg: string, panel: string): string {
  return svg.replaceAll(/\bzr\d+-/g, `${panel}-`)
}
