// `npm run bench [-- FILTER] [--runs N] [-o FILE] [--against FILE]`: CPU seconds, not wall time; medians of several runs,
// each in a process of its own; ratios within one run.
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compareReports, readReport } from './against.mjs'
import {
  CASES,
  MOONCAKE,
  needsMooncake,
  PARALLEL,
  ROUTERS,
  SCALING,
  STREAMED,
  workload,
} from './cases.mjs'

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '3' },
        output: { type: 'string', short: 'o' },
        against: { type: 'string' },
      },
    })
  } catch (error) {
    console.error(error.message)
    return process.exit(2)
  }
}

const { values, positionals } = options()
const runs = Number(values.runs)
if (!(Number.isInteger(runs) && runs >= 1)) {
  console.error(`--runs: expected an integer >= 1, got ${values.runs}`)
  process.exit(2)
}
let earlier
try {
  earlier = values.against === undefined ? undefined : readReport(values.against)
} catch (error) {
  console.error(error.message)
  process.exit(2)
}
const child = fileURLToPath(new URL('child.mjs', import.meta.url))
const hasMooncake = existsSync(MOONCAKE)
const wanted = ({ name, workload: source, isLong }) =>
  (hasMooncake || !needsMooncake(source)) &&
  (!isLong || positionals.length > 0) &&
  positionals.every((word) => name.includes(word))

/** Medians, field by field, over several processes. */
function measure(kind, definition, count = runs) {
  const all = Array.from({ length: count }, () =>
    JSON.parse(
      execFileSync(process.execPath, [child, kind, JSON.stringify(definition)], {
        encoding: 'utf8',
        // Certificates that this machine wants read at every start are none of what is measured.
        env: { ...process.env, NODE_EXTRA_CA_CERTS: '' },
      }),
    ),
  )
  return Object.fromEntries(
    Object.keys(all[0]).map((key) => {
      const sorted = all.map((run) => run[key]).sort((a, b) => a - b)
      return [key, sorted[Math.floor(sorted.length / 2)]]
    }),
  )
}

/** What is measured, for comparison with other commits; null outside of a checkout. */
function commit() {
  try {
    const args = ['describe', '--always', '--dirty', '--abbrev=12']
    const cwd = fileURLToPath(new URL('..', import.meta.url))
    const stdio = ['ignore', 'pipe', 'ignore']
    return execFileSync('git', args, { encoding: 'utf8', cwd, stdio }).trim()
  } catch {
    return null
  }
}

function printTable(titles, rows) {
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i].length)),
  )
  const line = (cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')
  console.log([line(titles), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n'))
}

const ns = (ms, requests) => Math.round((ms * 1e6) / requests).toLocaleString('en-US')
const seconds = (ms) => (ms / 1000).toFixed(2)

const everything = [...CASES, ...SCALING, ...ROUTERS, ...STREAMED, ...PARALLEL]
if (!everything.some(({ name }) => positionals.every((word) => name.includes(word)))) {
  const names = [...new Set(everything.map(({ name }) => name))].join('\n  ')
  console.error(`No case has "${positionals.join('" and "')}" in its name. They are:\n  ${names}`)
  process.exit(2)
}
if (!hasMooncake)
  console.log('The Mooncake trace is not here (../shared/traces): its cases are skipped.')
const node = `${process.version} on ${cpus()[0]?.model ?? 'unknown'}`
console.log(`Medians of ${runs} runs, CPU time of the whole process. ${node}\n`)
const report = {
  commit: commit(),
  node,
  runs,
  cases: [],
  scaling: [],
  routers: [],
  ratios: [],
  parallel: [],
  streamed: [],
}

const rows = []
for (const definition of CASES.filter(wanted)) {
  const { file } = await workload(definition.workload)
  const whole = measure('whole', definition)
  const warm = whole.requests <= 100_000 ? measure('warm', definition, 1) : undefined
  const json = file === undefined ? undefined : measure('json', definition)
  report.cases.push({
    ...definition,
    ...whole,
    warmSimulateMs: warm?.simulateMs,
    jsonMs: json?.totalMs,
  })
  rows.push([
    definition.name,
    whole.requests.toLocaleString('en-US'),
    seconds(whole.totalMs),
    Math.round((whole.requests * 1000) / whole.totalMs).toLocaleString('en-US'),
    ns(whole.parseMs, whole.requests),
    ns(whole.columnsMs, whole.requests),
    ns(whole.simulateMs, whole.requests),
    warm === undefined ? '-' : ns(warm.simulateMs, whole.requests),
    ns(whole.metricsMs, whole.requests),
    Math.round(whole.rssMb).toString(),
    json === undefined ? '-' : (whole.totalMs / json.totalMs).toFixed(2),
  ])
}
if (rows.length > 0) {
  const phases = ['parse ns/req', 'columns', 'simulate', 'warm', 'metrics']
  printTable(['case', 'requests', 'CPU s', 'req/CPU s', ...phases, 'RSS MB', 'x JSON.parse'], rows)
}

const fleets = SCALING.filter(wanted)
if (fleets.length > 1) {
  const perRequest = fleets.map((definition) => measure('warm', definition, 1))
  console.log('\nCost per request over the size of the fleet (simulate, warm):')
  for (const [i, { backends }] of fleets.entries()) {
    const { simulateMs, requests } = perRequest[i]
    const ratio = simulateMs / perRequest[0].simulateMs
    report.scaling.push({ backends, simulateMs, requests, ratio })
    console.log(
      `  ${String(backends).padStart(5)} backends  ${ns(simulateMs, requests)} ns  ${ratio.toFixed(2)}x`,
    )
  }
}

const routed = ROUTERS.filter(wanted)
if (routed.length > 0) {
  const [{ workload: name, backends }] = routed
  await workload(name)
  console.log(
    `\nEvery router, ${backends} backends, ${name} (simulate: the engine and its router):`,
  )
  const lines = routed.map(({ router, ...definition }) => {
    const { requests, simulateMs, totalMs, rssMb } = measure('whole', { ...definition, router })
    report.routers.push({ router, requests, simulateMs, totalMs, rssMb })
    const perSecond = (ms) => Math.round((requests * 1000) / ms).toLocaleString('en-US')
    return [router, ns(simulateMs, requests), perSecond(simulateMs), perSecond(totalMs)]
  })
  printTable(['router', 'ns/req', 'req/CPU s', 'whole run'], lines)
}

const compared = CASES.filter(wanted).filter(({ name }) =>
  /256\/256|mooncake, 8, prefix/.test(name),
)
if (compared.length > 0) {
  console.log('\nFast stepper against the reference (simulate):')
  for (const definition of compared) {
    const fast = measure('warm', definition, 1)
    const reference = measure('reference', definition, 1)
    const ratio = reference.simulateMs / fast.simulateMs
    report.ratios.push({ name: definition.name, ratio })
    console.log(`  ${definition.name}: ${ratio.toFixed(1)}x`)
  }
}

const [viewed] = CASES.filter(wanted).filter(({ name }) => name.startsWith('100k of 256/256, 64'))
if (viewed !== undefined) {
  const { columnsMs, viewsMs } = measure('views', viewed, 1)
  report.views = { columnsMs, viewsMs, ratio: viewsMs / columnsMs }
  console.log('\nRouting through view objects against columns, 64 backends (simulate, warm):')
  console.log(`  ${(viewsMs / columnsMs).toFixed(2)}x`)
}

const streamed = STREAMED.filter(wanted)
if (streamed.length > 0) {
  console.log('\nThe same without per-request results:')
  for (const definition of streamed) {
    const { requests, totalMs, rssMb } = measure('streamed', definition)
    report.streamed.push({ requests, totalMs, rssMb })
    const count = requests.toLocaleString('en-US')
    console.log(`  ${count} requests  ${seconds(totalMs)} CPU s  ${Math.round(rssMb)} MB`)
  }
}

const [several] = PARALLEL.filter(wanted)
if (several !== undefined) {
  const [one, two] = [1, 2].map((jobs) => measure('parallel', { ...several, jobs }))
  const speedUp = one.wallMs / two.wallMs
  report.parallel.push({ name: several.name, one, two, speedUp })
  console.log(`\n${several.name} (${one.requests.toLocaleString('en-US')} requests each):`)
  for (const [i, { wallMs, cpuMs }] of [one, two].entries()) {
    const threads = i === 0 ? 'in one thread ' : 'on two workers'
    console.log(`  ${threads}  ${seconds(wallMs)} s, ${seconds(cpuMs)} CPU s`)
  }
  console.log(`  ${speedUp.toFixed(2)}x as fast`)
}
if (earlier !== undefined) {
  const compared = compareReports(earlier, report)
  console.log(`\nThis (${report.commit}) over ${earlier.commit ?? 'the earlier'}:`)
  if (report.node !== earlier.node) console.log(`  which was measured with ${earlier.node}`)
  const titles = ['totalMs', 'simulateMs', 'warmSimulateMs', 'rssMb', 'speedUp', 'ratio']
  const cells = compared.map(({ name, ratios }) => [
    name,
    ...titles.map((title) => (ratios[title] === undefined ? '-' : ratios[title].toFixed(2))),
  ])
  if (cells.length === 0) console.log('  nothing was measured in both')
  else printTable(['case', 'CPU', 'simulate', 'warm', 'RSS', 'workers', 'steppers'], cells)
}
if (values.output !== undefined) {
  writeFileSync(values.output, `${JSON.stringify(report, undefined, 2)}\n`)
  console.log(`\nWrote ${values.output}`)
}
