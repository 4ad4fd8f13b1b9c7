import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { fixedWorkload } from '../workload/load-workload.js'
import { portableRequests } from './execute-runs.js'

test('workers get the columns themselves, not copies', async () => {
  const builder = new RequestTableBuilder()
  const promptNode = builder.prompts.stream(-1, 'system', 40)
  for (let i = 0; i < 3; i++) {
    const before = i === 2 ? { predecessor: 0, joins: [1], thinkMs: 5, deadlineMs: 900 } : {}
    builder.add({ arrivalMs: i, promptTokens: 64, outputTokens: 8, promptNode, ...before })
  }
  const table = builder.build()
  // A table that somebody made of plain arrays is shared as well.
  const plain = { ...table, arrivalMs: Float64Array.from(table.arrivalMs) }
  const { port1, port2 } = new MessageChannel()
  const sent = await portableRequests(fixedWorkload(plain, 'three', []), 1, true, undefined)
  port1.postMessage(sent)
  const got = receiveMessageOnPort(port2)!.message as typeof sent
  port1.close()
  if (!('table' in sent) || !('table' in got)) throw new Error('expected tables')
  for (const part of [got.table, got.table.prompts]) {
    const columns = Object.entries(part).filter(([, value]) => ArrayBuffer.isView(value))
    for (const [name, { buffer }] of columns) expect(buffer, name).toBeInstanceOf(SharedArrayBuffer)
  }
  got.table.arrivalMs[1] = 0.5
  got.table.prompts.endTokens[0] = 41
  expect([sent.table.arrivalMs[1], sent.table.prompts.endTokens[0]]).toEqual([0.5, 41])
})
