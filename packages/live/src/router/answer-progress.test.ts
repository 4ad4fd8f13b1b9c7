import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet } from '../testing/live-fleet.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

/** A router that adds up what it hears of progress, and what it is told when it asks. */
function algorithm(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-live-')), 'router.mjs')
  writeFileSync(
    path,
    `export default { name: 'own', description: 'Own.', parameters: {}, create: () => {
      const seen = { told: 0, heard: 0, lies: 0, first: -1, before: -1, last: -1, unknown: -1 }
      return {
        name: 'own',
        progressIntervalMs: 5,
        route(request, cluster) {
          seen.before = cluster.emittedTokens(request.id)
          return cluster.backends[0]
        },
        onFirstToken(request, backend, cluster) {
          seen.first = cluster.emittedTokens(request.id)
        },
        onProgress(request, backend, tokens, cluster) {
          seen.told++
          if (tokens <= seen.heard || tokens !== cluster.emittedTokens(request.id)) seen.lies++
          seen.heard = tokens
        },
        onFinished(request, backend, cluster, usage) {
          seen.last = usage.outputTokens
          seen.unknown = cluster.emittedTokens(99) + cluster.emittedTokens(-1)
        },
        customMetrics: () => seen,
      }
    } }\n`,
  )
  return path
}

test('a live router hears how answers get on, and may ask', async () => {
  const router = await fleet.router([await fleet.workers(1)], { algorithm: algorithm() })
  const { status } = await complete(router.url, { prompt: 'x', stream: true, max_tokens: 300 })
  expect(status).toBe(200)
  const { told, heard, ...rest } = router.core.customMetrics
  expect(rest).toEqual({ lies: 0, before: 0, first: 1, last: 300, unknown: 0 })
  expect(told).toBeGreaterThan(3)
  expect(heard).toBeLessThanOrEqual(300)
  // Of one that has ended it knows until another has its id.
  expect(router.core.progress.of(0)).toBe(300)
})

test('one that is not streamed has its tokens at its end', async () => {
  const router = await fleet.router([await fleet.workers(1)], { algorithm: algorithm() })
  expect((await complete(router.url, { prompt: 'x', max_tokens: 30 })).status).toBe(200)
  const { told, first, last } = router.core.customMetrics
  expect([told, first, last, router.core.progress.of(0)]).toEqual([0, 1, 30, 30])
})

test('tokens are counted however a worker ends its lines, and its stream is cut', async () => {
  const event = 'data: {"choices":[{"text":"a"}]}\r\n\r\n'
  const text = `${event.repeat(4)}data: [DONE]\r\n\r\n`
  const cut = text.indexOf('\r\n\r\n') + 3
  const worker = await fleet.rawWorker(200, text.slice(0, cut), text.slice(cut))
  const router = await fleet.router([worker], { algorithm: algorithm() })
  expect((await complete(router.url, { prompt: 'x', stream: true })).status).toBe(200)
  expect(router.core.customMetrics['last']).toBe(4)
})

test("a worker's refusal is no first token", async () => {
  const worker = await fleet.rawWorker(400, '{"error":{"message":"no"}}')
  const router = await fleet.router([worker], { algorithm: algorithm() })
  expect((await complete(router.url, { prompt: 'x' })).status).toBe(400)
  expect(router.core.customMetrics).toMatchObject({ first: -1, last: 0 })
})
