import { afterEach, expect, test } from 'vitest'
import { LiveFleet } from '../testing/live-fleet.js'
import { promptHashes } from './live-request.js'
import type { RouterCore } from './router-core.js'
import type { Ticket } from './ticket.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

function send(core: RouterCore, isStreamed: boolean): Ticket {
  const none = { session: undefined, user: undefined, tenant: undefined }
  const facts = {
    ...none,
    model: undefined,
    adapter: undefined,
    promptTokens: 8,
    maxTokens: 8,
    priority: 0,
    isStreamed,
  }
  const ticket = core.begin(facts, promptHashes(new Uint32Array(), 16, {}))
  core.route(ticket)
  return ticket
}

test('answers that come whole are taken to be computed, as many as fit into a batch', async () => {
  const mocks = await fleet.workers(1)
  const workers = [{ url: mocks.workers[0]!.url, max_num_seqs: 4, max_queue_depth: 2 }]
  const { core } = await fleet.router([], { workers, metrics_interval_ms: 0 })
  const [backend] = core.backends
  const load = () => [backend!.waiting, backend!.running, backend!.available]
  const streamed = send(core, true)
  expect(load()).toEqual([1, 0, true])
  core.firstToken(streamed)
  expect(load()).toEqual([0, 1, true])
  const whole = [1, 2, 3].map(() => send(core, false))
  expect(load()).toEqual([0, 4, true])
  whole.push(send(core, false))
  expect(load()).toEqual([1, 4, true])
  whole.push(send(core, false))
  expect(load()).toEqual([2, 4, false])
  core.end(streamed)
  expect(load()).toEqual([1, 4, true])
  for (const ticket of whole) core.end(ticket)
  expect(load()).toEqual([0, 0, true])
})
