import type { Chart } from '../chart/chart.js'
import { init } from '../draw/chart-library.js'
import { chartHeight, chartOption } from '../draw/chart-option.js'
import { DARK, LIGHT } from '../draw/theme.js'
import { escapeHtml } from '../html/escape-html.js'

/** How a picture is drawn. */
export interface PictureOptions {
  /** Width of each chart in pixels. */
  readonly width?: number | undefined
  readonly theme?: 'light' | 'dark' | undefined
}

const WIDTH = 720
/** Charts stand side by side where this many would make a tall picture. */
const COLUMNS = 2

/**
 * Draws charts as one SVG picture with their titles, two in a row. Text is text; the font is DejaVu
 * Sans, or what the viewer has.
 *
 * @example
 * renderSvg([latencyCdf(results, 'ttft_ms')], { width: 600 })
 */
export function renderSvg(
  charts: readonly Chart[],
  { width = WIDTH, theme: name = 'light' }: PictureOptions = {},
): string {
  const theme = name === 'dark' ? DARK : LIGHT
  const columns = Math.min(COLUMNS, charts.length)
  const rows = Array.from({ length: Math.ceil(charts.length / COLUMNS) }, (_, row) =>
    charts.slice(row * COLUMNS, (row + 1) * COLUMNS),
  )
  let top = 0
  const panels: string[] = []
  for (const row of rows) {
    const height = Math.max(...row.map(chartHeight)) + TITLE
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
