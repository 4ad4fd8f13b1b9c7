/// <reference lib="dom" />
// Runs in the page: draws every chart that the page brings along, anew when the page is resized, printed
// or turned from light to dark.
import type { Chart } from '../chart/chart.js'
import { init } from '../draw/chart-library.js'
import { chartHeight, chartOption } from '../draw/chart-option.js'
import { DARK, LIGHT } from '../draw/theme.js'

/** Fits on A4 and US Letter between usual margins. */
const PAPER_WIDTH = 660

const dark = matchMedia('(prefers-color-scheme: dark)')
const data = document.getElementById('routesim-charts')?.textContent ?? '[]'
const charts = JSON.parse(data) as Chart[]
const drawings = charts.flatMap((chart) => {
  const element = document.getElementById(`chart-${chart.id}`)
  if (element === null) return []
  element.style.height = `${chartHeight(chart, element.clientWidth)}px`
  return [{ chart, element, drawn: init(element, null, { renderer: 'svg' }), width: 0 }]
})
let isPrinting = false

function draw(drawing: (typeof drawings)[number]): void {
  const { chart, element, drawn } = drawing
  const width = isPrinting ? PAPER_WIDTH : element.clientWidth
  if (width === 0) return
  drawing.width = width
  const theme = dark.matches && !isPrinting ? DARK : LIGHT
  const height = chartHeight(chart, width)
  element.style.height = `${height}px`
  drawn.resize({ width, height })
  drawn.setOption(chartOption(chart, { theme, width, hasTitle: false }), true)
  element.dataset['drawn'] = 'true'
}

function drawAll(): void {
  for (const drawing of drawings) draw(drawing)
}

const sizes = new ResizeObserver((entries) => {
  if (isPrinting) return
  for (const { target } of entries) {
    const drawing = drawings.find(({ element }) => element === target)
    if (drawing !== undefined && drawing.width !== target.clientWidth) draw(drawing)
  }
})
for (const { element } of drawings) sizes.observe(element)
dark.addEventListener('change', drawAll)
addEventListener('beforeprint', () => {
  isPrinting = true
  drawAll()
})
addEventListener('afterprint', () => {
  isPrinting = false
  drawAll()
})
drawAll()
