// What a page or a service that uses a part of a package gets to load.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'

interface Bundler {
  build(options: object): Promise<{ readonly outputFiles: readonly { readonly text: string }[] }>
}

/** The bundler that builds the packages. */
const root = createRequire(new URL('../../../../package.json', import.meta.url))
const esbuild = createRequire(root.resolve('tsup'))('esbuild') as Bundler

async function bundled(contents: string, minify: boolean): Promise<string> {
  const { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    ...{ bundle: true, write: false, minify, format: 'iife', platform: 'browser' },
  })
  return outputFiles[0]!.text
}

test('one router comes without the others', async () => {
  const code = await bundled(
    `import { roundRobin } from '@routesim/algorithms'; console.log(roundRobin)`,
    true,
  )
  expect(code).toContain('round_robin')
  for (const other of ['aibrix', 'epp_scorers', 'flow_control', 'llumnix', 'shortest'])
    expect(code).not.toContain(other)
  // 7 of the 178 kB of all.
  expect(code.length).toBeLessThan(16_000)
})

test('a simulation runs in a page without shared memory', async () => {
  const code = await bundled(
    `import { roundRobin } from '@routesim/algorithms'
import { RequestTableBuilder, simulate } from '@routesim/core'
import { affineLatency, radixKvCache } from '@routesim/hardware'
const builder = new RequestTableBuilder()
builder.add({ arrivalMs: 0, promptTokens: 512, outputTokens: 10 })
const latency = affineLatency({ baseMs: 5, prefillMsPerToken: 0.05, decodeMsPerRequest: 0.1, decodeMsPerContextToken: 0 })
const backend = { role: 'both', latency, kv: { blocks: 1000, blockTokens: 16 }, maxBatchTokens: 8192, maxNumSeqs: 256, maxQueueDepth: 256, chunkedPrefill: true }
tell(simulate({ cluster: { backends: [backend], kvCache: radixKvCache() }, requests: builder.build(), router: roundRobin.create(), seed: 1 }).endMs)`,
    false,
  )
  const told: number[] = []
  const page = { SharedArrayBuffer: undefined, tell: (ms: number) => void told.push(ms) }
  runInNewContext(code, page)
  expect(told).toEqual([expect.closeTo(5 + 512 * 0.05 + 9 * 5.1, 6)])
})
