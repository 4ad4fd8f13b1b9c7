import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { generateTrace, readTrace, traceStats, writeTrace } from './index.js'

it('does what the example of the README shows', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const folder = mkdtempSync(join(tmpdir(), 'routesim-traces-'))
  const path = join(folder, 'chat.jsonl.gz')
  const table = generateTrace({ kind: 'bursty', rateRps: 5, durationSec: 120, turnsMean: 4 })
  const { lost } = await writeTrace(path, table, 'mooncake', { blockTokens: 16 })
  const { format, table: back } = await readTrace(path, { blockTokens: 16 })
  const { requests, blocks, distinctBlocks } = traceStats(back, { blockTokens: 16 })
  rmSync(folder, { recursive: true })
  const printed = inspect({ format, lost, requests, blocks, distinctBlocks })
  expect(readme).toContain(`\`\`\`\n${printed}\n\`\`\``)
})
