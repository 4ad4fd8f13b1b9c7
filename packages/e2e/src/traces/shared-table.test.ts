import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { RequestTableBuilder, shareTable } from '@routesim/core'
import { expect, test } from 'vitest'

const built = new URL('../../../core/dist/index.js', import.meta.url)

/** Says what it got, and marks a cell that only shared memory carries back. */
const SCRIPT = `
  import { parentPort, workerData } from 'node:worker_threads'
  import { shareTable } from '${built.href}'
  const same = shareTable(workerData)
  workerData.priority[1] = 77
  parentPort.postMessage({
    arrivals: [...workerData.arrivalMs],
    users: [...workerData.user].map((id) => workerData.strings[id]),
    nodeEnds: [...workerData.prompts.endTokens],
    unchanged: same.promptTokens === workerData.promptTokens,
  })
`

test.skipIf(!existsSync(fileURLToPath(built)))(
  'a worker thread works on the same columns, without a copy (needs the builds)',
  async () => {
    const builder = new RequestTableBuilder()
    const promptNode = builder.prompts.stream(-1, 'system', 40)
    builder.add({ arrivalMs: 1, promptTokens: 50, outputTokens: 5, promptNode, user: 'u' })
    builder.add({ arrivalMs: 2, promptTokens: 60, outputTokens: 6, promptNode, priority: 1 })
    const table = shareTable(builder.build())
    const script = new URL(`data:text/javascript,${encodeURIComponent(SCRIPT)}`)
    const worker = new Worker(script, { workerData: table })
    const answer = await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    await worker.terminate()
    expect(answer).toEqual({
      arrivals: [1, 2],
      users: ['u', undefined],
      nodeEnds: [40],
      unchanged: true,
    })
    expect([...table.priority]).toEqual([0, 77])
  },
)
