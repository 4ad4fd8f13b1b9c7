// Routers that write into `cluster.columns`, which only their type forbids, are told so.
import { type ClusterView, prefillOn, type RoutingAlgorithm } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { backend, inTurn, STEPPERS, seeing, type TinyRun, tinyRun } from '../testing/tiny-run.js'

type Column = keyof ClusterView['columns']

const COLUMNS: readonly Column[] = [
  'waiting',
  'running',
  'outstanding',
  'pendingPromptTokens',
  'sentSinceSample',
  'maxQueueDepth',
]
const requests = Array.from({ length: 2000 }, (_, i) => ({ arrivalMs: 40 * i, outputTokens: 3 }))

/** Adds 3 where backend 1 stands. */
function write({ columns }: ClusterView, column: Column): void {
  const values = columns[column] as Float64Array
  values[1] = values[1]! + 3
}

/** A router that writes from one request on. */
function writer(column: Column, from: number): RoutingAlgorithm {
  return {
    name: 'writer',
    route(request, cluster) {
      if (request.id >= from) write(cluster, column)
      return cluster.backends[0]!
    },
  }
}

function failureOf(story: TinyRun): { message: string; hint: string; code: string } {
  try {
    tinyRun({ backends: [backend(), backend()], ...story })
  } catch (error) {
    return error as never
  }
  throw new Error('expected a failure, got none')
}

describe.each(COLUMNS)('%s', (column) => {
  const place = (request: number) =>
    `router "writer": route() for request ${request}: cluster.columns.${column}: expected the column as it was given, got `

  test.each(STEPPERS)('written in a decision: %s', (stepper) => {
    const { message, code, hint } = failureOf({ requests, router: writer(column, 1), stepper })
    expect(message).toContain(place(1))
    expect(message).toContain('for backend 1')
    expect(code).toBe('router_failed')
    expect(hint).toContain('Write into a copy')
  })

  test('written by a router that sees little', () => {
    const visibility = seeing({ metrics: 'none' })
    const { message } = failureOf({ requests, router: writer(column, 1), visibility })
    expect(message).toContain(place(1))
  })

  test('written late: the next decision that is looked at', () => {
    const router = writer(column, 1000)
    expect(failureOf({ requests, router }).message).toContain(place(1024))
  })

  test.each(STEPPERS)(
    'written elsewhere: named at the end, and not as a fault of the simulator alone: %s',
    (stepper) => {
      let writes = 0
      const router: RoutingAlgorithm = {
        ...inTurn(),
        onFinished(_request, _backend, cluster) {
          if (writes++ === 0) write(cluster, column)
        },
      }
      const { message, hint, code } = failureOf({ requests: requests.slice(0, 1), router, stepper })
      expect(message).toContain(`conservation check: backend 1: columns.${column}: expected `)
      expect(code).toBe('conservation_violated')
      expect(hint).toContain('A router that writes into cluster.columns')
    },
  )
})

test('written in the second part of a decision', () => {
  const router: RoutingAlgorithm = {
    name: 'writer',
    route: (_, { backends }) => prefillOn(backends[0]!),
    routeDecode(_, cluster) {
      write(cluster, 'outstanding')
      return cluster.backends[1]!
    },
  }
  const backends = [backend({ role: 'prefill' }), backend({ role: 'decode' })]
  const { message } = failureOf({ requests: requests.slice(0, 1), router, backends })
  expect(message).toContain('routeDecode() for request 0: cluster.columns.outstanding: expected')
})
