import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { LiveFleet } from '../testing/live-fleet.js'
import type { RouterCore } from './router-core.js'
import type { Ticket } from './ticket.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const BLOCKS = 16
const NONE = {
  session: undefined,
  user: undefined,
  tenant: undefined,
  model: undefined,
  adapter: undefined,
}

/** A router that marks the runs that it has seen, and says how many of the last prompt it knew. */
function algorithm(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-live-')), 'router.mjs')
  writeFileSync(
    path,
    `export default { name: 'own', description: 'Own.', parameters: {}, create: () => {
      const marks = new Uint8Array(1024)
      let known = 0
      const out = {
        clear() {},
        push(id) {
          known += marks[id]
          marks[id] = 1
        },
      }
      return {
        name: 'own',
        route(request, cluster) {
          known = 0
          request.promptPath(out)
          return cluster.backends[0]
        },
        onRunsForgotten(ids) {
          for (const id of ids) marks[id] = 0
        },
        customMetrics: () => ({ known }),
      }
    } }\n`,
  )
  return path
}

/** Sends the n-th prompt, which has no block in common with any other. */
function send(core: RouterCore, n: number): Ticket {
  const chained = new Float64Array(BLOCKS)
  for (let i = 0; i < BLOCKS; i++) chained[i] = (n * BLOCKS + i + 1) * 4096
  const facts = { ...NONE, promptTokens: 16 * BLOCKS + 1, maxTokens: 8, priority: 0 }
  const ticket = core.begin(
    { ...facts, isStreamed: true },
    { local: chained, chained, head: () => 0 },
  )
  core.route(ticket)
  return ticket
}

test('after more blocks than it remembers, a live router does not take new prompts for known', async () => {
  const mocks = await fleet.workers(1)
  const { core } = await fleet.router([mocks], {
    algorithm: algorithm(),
    kv_index: 'none',
    metrics_interval_ms: 0,
  })
  core.interner.capacity = 16 * BLOCKS
  const knownOf = (n: number): number => {
    core.end(send(core, n))
    return core.customMetrics['known']!
  }
  const underWay = send(core, 0)
  for (let n = 1; n <= 100; n++) expect(knownOf(n), `prompt ${n}`).toBe(0)
  // The last ones are remembered, what is under way is too, and what is long ago is not.
  expect([100, 0, 1].map(knownOf)).toEqual([BLOCKS, BLOCKS, 0])
  core.end(underWay)
})
