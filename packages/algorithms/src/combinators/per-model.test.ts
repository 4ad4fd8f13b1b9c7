import { type ClusterView, hold, type RoutingAlgorithm } from '@routesim/core'
import { expect, test } from 'vitest'
import { preble } from '../routers/preble.js'
import { roundRobin } from '../routers/round-robin.js'
import { sessionAffinity } from '../routers/session-affinity.js'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest, testUsage } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { perModel } from './per-model.js'

const states = [{ model: 'a' }, { model: 'a' }, { model: 'b' }, { model: 'b' }]
const whole = testCluster(states)

/** The cluster as an engine shows it to requests for a model. */
const shown = (model: string, cluster: ClusterView = whole): ClusterView => ({
  ...cluster,
  backends: cluster.backends.filter((backend) => backend.model === model),
  ids: cluster.backends.filter((backend) => backend.model === model).map(({ id }) => id),
})
const views = { a: shown('a'), b: shown('b') }

const routed = (router: RoutingAlgorithm, models: string): unknown[] =>
  [...models].map((model, id) =>
    summary(router.route(testRequest({ id, model }), views[model as 'a'])),
  )

test('turns among the backends of one model do not depend on requests for another', () => {
  expect(
    routed(
      perModel(() => roundRobin.create()),
      'abababab',
    ),
  ).toEqual([0, 2, 1, 3, 0, 2, 1, 3])
})

test('a session has a home for each model', () => {
  const router = perModel(() => sessionAffinity.create())
  const homes = [...'abababab'].map((model, id) => {
    const request = testRequest({ id, model, session: 's' })
    return summary(router.route(request, views[model as 'a']))
  })
  expect(new Set(homes).size).toBe(2)
})

test('while backends do not differ there is one router, whatever requests name', () => {
  let made = 0
  const router = perModel(
    () => {
      made++
      return roundRobin.create()
    },
    () => false,
  )
  expect(routed(router, 'aabb')).toEqual([0, 1, 2, 3])
  expect(made).toBe(1)
})

test('each router hears of its own requests, of backends it may see, and of its own timers', () => {
  const heard: string[] = []
  let made = 0
  const router = perModel(() => {
    const name = `router ${made++}`
    const ids = (cluster: ClusterView): string => Array.from(cluster.ids).join('')
    return {
      name: 'ear',
      route(request, cluster) {
        cluster.timer('due', 1 + request.id)
        cluster.query(cluster.backends[0]!, 'how', request)
        return hold()
      },
      onFinished: ({ id }, _, cluster) => heard.push(`${name}: ${id} ended, ${ids(cluster)}`),
      onAbandoned: ({ id }, cluster) => heard.push(`${name}: ${id} given up, ${ids(cluster)}`),
      onMetrics: ({ id }, cluster) => heard.push(`${name}: metrics of ${id}, ${ids(cluster)}`),
      onTimer: (id, cluster) => heard.push(`${name}: ${id}, ${ids(cluster)}`),
      onReply: (id, backend) => heard.push(`${name}: ${id} ${backend.id}`),
      onRunsForgotten: (ids) => heard.push(`${name}: ${ids.length} forgotten`),
      customMetrics: () => ({ heard: heard.length }),
    }
  })
  const asked: string[] = []
  const cluster = testCluster(states, {
    timer: (id, ms) => asked.push(`${id} in ${ms}`),
    query: (backend, id) => asked.push(`${id} of ${backend.id}`),
  })
  const [a, b] = [testRequest({ id: 1, model: 'a' }), testRequest({ id: 2, model: 'b' })]
  router.route(a, shown('a', cluster))
  router.route(b, shown('b', cluster))
  expect(asked).toEqual(['1 due in 2', '1 how of 0', '2 due in 3', '2 how of 2'])
  const backend = cluster.backends[2]!
  router.onTimer!('2 due', cluster)
  router.onReply!('1 how', cluster.backends[0]!, undefined, cluster)
  router.onMetrics!(backend, cluster)
  router.onFinished!(b, backend, cluster, testUsage())
  router.onAbandoned!(a, cluster)
  router.onRunsForgotten!([4, 5])
  expect(heard).toEqual([
    'router 2: due, 23',
    'router 1: how 0',
    'router 0: metrics of 2, 0123',
    'router 2: metrics of 2, 23',
    'router 2: 2 ended, 23',
    'router 1: 1 given up, 01',
    ...[0, 1, 2].map((id) => `router ${id}: 2 forgotten`),
  ])
  expect(router.customMetrics!()).toEqual({ heard: 9, a_heard: 9, b_heard: 9 })
})

test('hooks that the router has not stay absent', () => {
  const router = perModel(() => roundRobin.create())
  expect(router.onMetrics).toBeUndefined()
  expect(router.onTimer).toBeUndefined()
  expect(perModel(() => preble.create()).onDispatched).toBeDefined()
})
