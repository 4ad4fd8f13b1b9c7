/** One line of a {@link twoPanelPlot}. */
export interface PlotSeries {
  readonly label: string
  readonly ratios: readonly number[]
  readonly ttftMs: readonly number[]
  readonly throughput: readonly number[]
}

const WIDTH = 460
const HEIGHT = 340
const MARGIN = { left: 70, right: 20, top: 44, bottom: 52 } as const
const COLORS = ['#1f6fb4', '#d1622b', '#2e8b57', '#8a4fa3', '#b8860b', '#c0392b']

/** Average TTFT and output throughput over prefix ratios, side by side, as SVG. */
export function twoPanelPlot(series: readonly PlotSeries[]): string {
  const panels = [
    panel('Average TTFT', 'ms', series, (each) => each.ttftMs),
    panel('Output token throughput', 'tokens/s', series, (each) => each.throughput),
  ]
  const legend = series
    .map(
      ({ label }, i) =>
        `<text x="${MARGIN.left + i * 190}" y="${HEIGHT + 18}" fill="${colorOf(i)}">● ${escaped(label)}</text>`,
    )
    .join('')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * WIDTH}" height="${HEIGHT + 34}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${panels
    .map((content, i) => `<g transform="translate(${i * WIDTH})">${content}</g>`)
    .join('')}${legend}</svg>
`
}

function panel(
  title: string,
  unit: string,
  series: readonly PlotSeries[],
  valuesOf: (each: PlotSeries) => readonly number[],
): string {
  const most = Math.max(1e-9, ...series.flatMap((each) => [...valuesOf(each)]))
  const top = niceCeiling(most)
  const x = (ratio: number): number =>
    MARGIN.left + ((ratio - 0.05) / 0.9) * (WIDTH - MARGIN.left - MARGIN.right)
  const y = (value: number): number =>
    HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = share * top
    return `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}" stroke="#e5e5e5"/><text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end">${short(value)}</text>`
  })
  const ratios = [...new Set(series.flatMap((each) => [...each.ratios]))].sort((a, b) => a - b)
  const labels = ratios.map(
    (ratio) =>
      `<text x="${x(ratio)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${ratio}</text>`,
  )
  const lines = series.map((each, i) => {
    const values = valuesOf(each)
    const points = each.ratios.map((ratio, k) => `${x(ratio)},${y(values[k]!)}`)
    const dots = each.ratios.map(
      (ratio, k) =>
        `<circle cx="${x(ratio)}" cy="${y(values[k]!)}" r="3.5" fill="${colorOf(i)}"/><text x="${x(ratio)}" y="${y(values[k]!) - 8}" text-anchor="middle" font-size="10" fill="${colorOf(i)}">${short(values[k]!)}</text>`,
    )
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colorOf(i)}" stroke-width="2"/>${dots.join('')}`
  })
  return `<text x="${WIDTH / 2}" y="24" text-anchor="middle" font-size="14">${title} (${unit})</text>${ticks.join('')}${labels.join('')}<text x="${WIDTH / 2}" y="${HEIGHT - 14}" text-anchor="middle">Prefix ratio</text>${lines.join('')}`
}

function colorOf(i: number): string {
  return COLORS[i % COLORS.length]!
}

function niceCeiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return unit * (([1, 1.5, 2, 3, 4, 5, 6, 8, 10] as const).find((n) => n * unit >= value) ?? 10)
}

function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
