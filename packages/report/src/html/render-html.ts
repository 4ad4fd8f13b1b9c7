import { createHash } from 'node:crypto'
import type { Chart } from '../chart/chart.js'
import type { Table } from '../chart/table.js'
import type { Origin, Report, ReportTable, Section } from '../reports/report.js'
import { clientScript } from './client-script.js'
import { escapeHtml } from './escape-html.js'
import { PAGE_STYLE } from './page-style.js'

/**
 * A report as one HTML page that needs nothing else: no network, no other file. A browser lets it run
 * its own script only, so that no name in a result can bring another.
 *
 * @returns the text of the file, about 700 KB and what the charts hold
 */
export function renderHtml(report: Report): string {
  const script = clientScript()
  const charts = report.sections.flatMap((section) => section.charts ?? [])
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="RouteSim">
<title>${escapeHtml(report.title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(report.title)}</h1>
${paragraphs([report.subtitle], 'subtitle')}
${report.verdict?.length ? `<div class="verdict">${paragraphs(report.verdict)}</div>` : ''}
${report.notes?.length ? paragraphs(report.notes.map((note) => `Note: ${note}`)) : ''}
${navigation(report)}
<noscript><p>Charts need scripts, which are turned off; the tables have their figures.</p></noscript>
</header>
${report.sections.map(section).join('\n')}
${hasOrigin(report.origin) ? reproduction(report.origin, report.sections.length) : ''}
${footer(report.origin)}
</main>
<script type="application/json" id="routesim-charts">${jsonForScript(charts)}</script>
<script>${script}</script>
</body>
</html>
`
}

function navigation({ sections, origin }: Report): string {
  const links = sections.map(
    ({ title }, i) => `<li><a href="#section-${i}">${escapeHtml(title)}</a></li>`,
  )
  const last = hasOrigin(origin)
    ? `<li><a href="#section-${sections.length}">Reproduce</a></li>`
    : ''
  return `<nav aria-label="Sections"><ul>${links.join('')}${last}</ul></nav>`
}

function section({ title, text = [], tables = [], charts = [] }: Section, index: number): string {
  const layout = charts.length % 3 === 0 ? 'charts thirds' : 'charts'
  const figures =
    charts.length === 0 ? '' : `<div class="${layout}">${charts.map(figure).join('\n')}</div>`
  return `<section aria-labelledby="section-${index}">
<h2 id="section-${index}">${escapeHtml(title)}</h2>
${paragraphs(text)}
${tables.map(reportTable).join('\n')}
${figures}
</section>`
}

function reportTable({ title, table }: ReportTable): string {
  return tableHtml(table, title)
}

/** A chart, what it shows in words, and its figures. The tables hold all, so its data stays out. */
function figure({ id, title, summary, table }: Chart): string {
  return `<figure aria-labelledby="title-${id}">
<h3 id="title-${id}">${escapeHtml(title)}</h3>
<div class="chart" id="chart-${id}" role="img" aria-label="${escapeHtml(summary)}"></div>
<figcaption class="caption">${escapeHtml(summary)}</figcaption>
<details><summary>As a table</summary>${tableHtml(table, title)}</details>
</figure>`
}

function tableHtml({ columns, rows }: Table, title: string): string {
  const className = (column: number): string =>
    columns[column]?.align === 'right' ? ' class="number"' : ''
  const head = columns.map(
    (column, i) => `<th scope="col"${className(i)}>${escapeHtml(column.title)}</th>`,
  )
  const body = rows.map(
    (row) =>
      `<tr>${row.map((cell, i) => `<td${className(i)}>${escapeHtml(cell)}</td>`).join('')}</tr>`,
  )
  return `<div class="table" role="region" tabindex="0" aria-label="${escapeHtml(title)}"><table><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div>`
}

function hasOrigin({ command, config }: Origin): boolean {
  return command !== undefined || config !== undefined
}

function reproduction({ command, config }: Origin, index: number): string {
  const parts = [
    command === undefined ? '' : `<pre>${escapeHtml(command)}</pre>`,
    config === undefined
      ? ''
      : `<details open><summary>${escapeHtml(config.name)}</summary><pre>${escapeHtml(config.text)}</pre></details>`,
  ]
  return `<section aria-labelledby="section-${index}">
<h2 id="section-${index}">Reproduce</h2>
${parts.join('\n')}
</section>`
}

function footer({ version }: Origin): string {
  return `<footer>Made by RouteSim${version === undefined ? '' : ` ${escapeHtml(version)}`}: equal inputs and seeds give equal results.</footer>`
}

function paragraphs(sentences: readonly string[], className?: string): string {
  const attribute = className === undefined ? '' : ` class="${className}"`
  return sentences.map((sentence) => `<p${attribute}>${escapeHtml(sentence)}</p>`).join('\n')
}

/** JSON in which nothing ends the script element or begins another. Tables stand in the page already. */
function jsonForScript(charts: readonly Chart[]): string {
  const lean = charts.map(({ table: _, ...chart }) => chart)
  return JSON.stringify(lean, roundNumbers).replaceAll('<', '\\u003c')
}

/** Five digits are more than a screen shows, but of times that are told apart. */
function roundNumbers(key: string, value: unknown): unknown {
  if (typeof value !== 'number') return value
  return Number(value.toPrecision(key === 'fromMs' || key === 'toMs' ? 12 : 5))
}
