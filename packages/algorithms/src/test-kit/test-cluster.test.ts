import { expect, test } from 'vitest'
import { leastBy } from '../pickers/pick.js'
import { leastOutstanding } from '../routers/least-outstanding.js'
import { prefixAware } from '../routers/prefix-aware.js'
import { testCluster } from './test-cluster.js'
import { testRequest } from './test-request.js'

test('a backend that is said to be out is out for those who read columns and for those who ask it', () => {
  const cluster = testCluster([{ available: false }, { running: 5 }])
  expect(leastOutstanding.create().route(testRequest(), cluster)).toBe(cluster.backends[1])
  expect(leastBy(cluster, ({ outstanding }) => outstanding)).toBe(cluster.backends[1])
  expect(testCluster([{ waiting: 10 }]).columns.maxQueueDepth[0]).toBe(10)
})

test('backends of which nothing is said hold nothing of the prompt', () => {
  const cluster = testCluster([{}, {}, {}], { matchedTokens: [80] })
  expect([...Array.from(cluster.prefixMatch(testRequest()))]).toEqual([80, 0, 0])
  const request = testRequest({ prefixTokens: 80 })
  expect(prefixAware.create().route(request, cluster)).toBe(cluster.backends[0])
})

test('pools have the backends of their roles, under the ids of all', () => {
  const cluster = testCluster([{ role: 'prefill' }, { role: 'decode' }, { role: 'decode' }])
  expect(Array.from(cluster.pool('decode').ids)).toEqual([1, 2])
})
