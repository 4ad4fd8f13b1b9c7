// What `npm run bench -- --against FILE` prints: figures of this commit over those of an earlier one.
import { readFileSync } from 'node:fs'

/** Lists of a report, what names an entry of each, and its figures: time and memory, of which less is better. */
const PARTS = {
  cases: {
    name: ({ name }) => name,
    figures: ['totalMs', 'simulateMs', 'warmSimulateMs', 'rssMb'],
  },
  scaling: { name: ({ backends }) => `${backends} backends`, figures: ['simulateMs'] },
  routers: { name: ({ router }) => router, figures: ['totalMs', 'simulateMs', 'rssMb'] },
  streamed: {
    name: ({ requests }) => `${requests} requests, streamed`,
    figures: ['totalMs', 'rssMb'],
  },
  parallel: { name: ({ name }) => name, figures: ['speedUp'] },
  ratios: { name: ({ name }) => `${name}, fast over reference`, figures: ['ratio'] },
}

/**
 * Reads a report that `npm run bench -- -o FILE` wrote.
 * @throws Error when it is none, saying why
 */
export function readReport(path) {
  let text
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(
      `--against ${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`,
    )
  }
  let report
  try {
    report = JSON.parse(text)
  } catch {
    throw new Error(`--against ${path}: expected JSON that npm run bench -- -o FILE wrote`)
  }
  const isReport = Object.keys(PARTS).every((part) => Array.isArray(report?.[part]))
  if (!isReport) throw new Error(`--against ${path}: expected the JSON of npm run bench -- -o FILE`)
  return report
}

/**
 * One line for each thing that both reports have.
 * @returns rows of a name and, per figure, new over old; undefined for what one of them lacks
 */
export function compareReports(earlier, report) {
  const rows = []
  for (const [part, { name, figures }] of Object.entries(PARTS)) {
    for (const entry of report[part]) {
      const before = earlier[part].find((each) => name(each) === name(entry))
      if (before === undefined) continue
      const ratios = Object.fromEntries(
        figures
          .filter((figure) => entry[figure] > 0 && before[figure] > 0)
          .map((figure) => [figure, entry[figure] / before[figure]]),
      )
      rows.push({ part, name: name(entry), ratios })
    }
  }
  return rows
}
