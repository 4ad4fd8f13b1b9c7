import { afterEach, expect, test } from 'vitest'
import { LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { modelList } from './model-list.js'
import { readServedModels } from './served-models.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const base = { object: 'model', owned_by: 'vllm', root: '/m', parent: null, max_model_len: 8192 }
const model = (created: number, more: object = {}) => ({ id: 'm', ...base, created, ...more })
const lora = (created: number) => ({
  id: 'lora',
  ...{ object: 'model', created, owned_by: 'vllm', root: '/l', parent: 'm' },
})
/** What a router says whose workers say this. */
const listed = (...workers: readonly (readonly object[])[]): unknown[] =>
  JSON.parse(modelList(workers.map((data) => readServedModels(JSON.stringify({ data }))))).data

test('what one worker says of its models is passed on', () => {
  expect(listed([model(1), lora(2)])).toEqual([lora(2), model(1)])
})

test('of a model that several serve that is passed on on which they agree', () => {
  const shorter = model(2, { max_model_len: 4096, permission: [] })
  expect(listed([model(1)], [shorter, lora(3)])).toEqual([
    { id: 'm', object: 'model', created: 0, owned_by: 'vllm', root: '/m', parent: null },
    lora(3),
  ])
  expect(listed([{ id: 'm' }], [model(1)])).toEqual([
    { id: 'm', object: 'model', created: 0, owned_by: 'routesim' },
  ])
})

test('a router in front of another knows its adapters, and what it serves is no news while it is the same', async () => {
  let asked = 0
  const pages = {
    get '/v1/models'() {
      return JSON.stringify({ data: [model(++asked), lora(asked)] })
    },
  }
  const log: string[] = []
  const worker = await fleet.workerThatSays(200, {}, [], pages)
  const config = { health_interval_ms: 10, models_interval_ms: 10 }
  const onLog = ({ event }: { event: string }) => void log.push(event)
  const second = await fleet.router([worker], config, { onLog })
  const workers = [{ url: second.url, role: 'both' as const }]
  const first = await fleet.router([{ workers }], config, { onLog })
  expect(first.core.named('lora')).toMatchObject({ model: 'm', adapter: 'lora' })
  const before = asked
  await until(() => asked >= before + 3)
  expect(log.filter((event) => event === 'worker_models')).toEqual([])
})
