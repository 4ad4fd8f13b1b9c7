import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet, TEST_SPEC } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

/** Sends requests to the only pair, and shows what the last one cost. */
function accountant(): string {
  return algorithmFile(`{
    name: 'own',
    disaggregates: true,
    seen: {},
    route(request, { backends: [prefill, decode] }) {
      return { kind: 'disaggregate', prefill, decode }
    },
    onFinished(request, backend, cluster, { promptTokens, cachedTokens, outputTokens }) {
      this.seen = { promptTokens, cachedTokens, outputTokens }
    },
    customMetrics() {
      return this.seen
    },
  }`)
}

test('what a prefill worker finds in its cache is what the algorithm and the client hear of', async () => {
  const backends = (['prefill', 'decode'] as const).map((role) => ({ ...TEST_SPEC, role }))
  const mocks = await fleet.workers(0, { cluster: { backends } })
  const router = await fleet.router([mocks], { algorithm: accountant() })
  const prompt = Array.from({ length: 640 }, (_, i) => i + 1)
  const cachedOf = async (): Promise<unknown> => {
    const { json } = await complete(router.url, { prompt })
    const usage = json['usage'] as { prompt_tokens_details: { cached_tokens: number } }
    return usage.prompt_tokens_details.cached_tokens
  }
  expect(await cachedOf()).toBe(0)
  expect(await cachedOf()).toBe(624)
  await until(() => router.stats.ends.completed === 2)
  const told = { promptTokens: 640, cachedTokens: 624, outputTokens: 5 }
  expect(router.core.customMetrics).toEqual(told)
})

test.each([
  [
    'counts what was transferred as cached',
    '{"usage":{"prompt_tokens":41,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":40}}}',
    { promptTokens: 41, cachedTokens: 7, outputTokens: 3 },
  ],
  ['tells nothing', '{}', { promptTokens: 42, cachedTokens: 7, outputTokens: Number.NaN }],
])('a decode worker that %s: the prefill worker knows better', async (_, answer, known) => {
  const usage = { prompt_tokens: 42, prompt_tokens_details: { cached_tokens: 7 } }
  const says = (text: string) =>
    fleet.workerThatSays(200, { 'content-type': 'application/json' }, [text])
  const prefill = await says(JSON.stringify({ usage, kv_transfer_params: {} }))
  const decode = await says(answer)
  const workers = [
    { ...prefill.workers[0]!, role: 'prefill' as const },
    { ...decode.workers[0]!, role: 'decode' as const },
  ]
  const router = await fleet.router([], { workers, algorithm: accountant() })
  expect((await complete(router.url, { prompt: 'x' })).text).toBe(answer)
  await until(() => router.stats.ends.completed === 1)
  expect(router.core.customMetrics).toEqual(known)
})
