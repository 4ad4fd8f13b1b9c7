import { type RunResult, tableSource } from '@routesim/core'
import { type ClientSpec, generateTrace, retimeTrace, type WorkloadSpec } from '@routesim/traces'
import { describe, expect, test } from 'vitest'
import { backend, STEPPERS, tinyRun } from '../testing/tiny-run.js'

const backends = Array.from({ length: 2 }, () => backend({ maxNumSeqs: 8, maxQueueDepth: 10_000 }))

const small: Pick<ClientSpec, 'promptTokens' | 'outputTokens'> = {
  promptTokens: { kind: 'uniform', min: 20, max: 400 },
  outputTokens: { kind: 'uniform', min: 1, max: 30 },
}

const sessions: ClientSpec['sessions'] = {
  turns: { kind: 'geometric', mean: 4 },
  newTokens: { kind: 'uniform', min: 5, max: 60 },
  thinkTimeSec: { kind: 'exponential', mean: 0.2 },
  maxPromptTokens: 2000,
}

const agents: NonNullable<ClientSpec['sessions']>['agents'] = {
  probability: 0.4,
  children: { kind: 'uniform', min: 1, max: 3 },
  calls: { kind: 'uniform', min: 1, max: 4 },
  toolTimeSec: { kind: 'exponential', mean: 0.1 },
  newTokens: { kind: 'uniform', min: 5, max: 60 },
  context: 'own',
  promptTokens: 150,
  sharedTokens: 100,
  maxDepth: 2,
}

const of = (client: Omit<ClientSpec, 'promptTokens' | 'outputTokens'>): WorkloadSpec => ({
  seed: 6,
  requests: 400,
  clients: [{ ...small, ...client }],
})

/** The most requests under way at one moment: those that end do so before others begin. */
function mostInFlight({ sentMs, outcomes }: RunResult): number {
  const changes = [...sentMs.keys()]
    .flatMap((i) => [
      [sentMs[i]!, 1],
      [outcomes.finishedMs[i]!, -1],
    ])
    .sort(([a, up], [b, down]) => a! - b! || up! - down!)
  let now = 0
  return changes.reduce((most, [, change]) => {
    now += change!
    return Math.max(most, now)
  }, 0)
}

function expectTurnsToWait({ requests, sentMs, outcomes }: RunResult): number {
  let waits = 0
  requests.predecessor!.forEach((before, row) => {
    if (before < 0) return
    waits++
    const earliest = outcomes.finishedMs[before]! + requests.thinkMs![row]!
    expect(sentMs[row]).toBeGreaterThanOrEqual(earliest * (1 - 1e-11))
    expect(sentMs[row]).toBeGreaterThanOrEqual(requests.arrivalMs[row]!)
  })
  return waits
}

const completed = ({ outcomes }: RunResult): boolean => outcomes.outcome.every((end) => end === 1)

describe.each(STEPPERS)('workloads in the engine (%s)', (stepper) => {
  const run = (spec: WorkloadSpec, maxInFlight?: number): RunResult =>
    tinyRun({
      requests: generateTrace(spec),
      backends,
      stepper,
      ...(maxInFlight !== undefined && { maxInFlight }),
    })

  test('a closed loop: C in flight at every moment, until none are left to send', () => {
    for (const concurrency of [1, 5, 24]) {
      const result = run(of({ arrivals: { kind: 'at_once' } }), concurrency)
      expect(completed(result)).toBe(true)
      expect(mostInFlight(result)).toBe(concurrency)
      // Whoever is sent later takes the place of one that ends.
      const ends = new Set(result.outcomes.finishedMs)
      expect(result.sentMs.slice(concurrency).every((ms) => ends.has(ms))).toBe(true)
    }
  })

  test('users without a think time: each has one request in flight, always', () => {
    const result = run(of({ arrivals: { kind: 'users', users: 7 } }))
    expect(completed(result)).toBe(true)
    expect(mostInFlight(result)).toBe(7)
    expect(expectTurnsToWait(result)).toBe(result.requests.size - 7)
  })

  test('conversations: no turn before the one before has ended and the user has thought', () => {
    const open = run(of({ arrivals: { kind: 'gamma', cv: 3, rateRps: 40 }, sessions }))
    expect(completed(open)).toBe(true)
    expect(expectTurnsToWait(open)).toBeGreaterThan(200)
    const limited = run(of({ arrivals: { kind: 'poisson', rateRps: 200 }, sessions }), 4)
    expect(expectTurnsToWait(limited)).toBeGreaterThan(200)
    expect(mostInFlight(limited)).toBe(4)
    const users = run(of({ arrivals: { kind: 'users', users: 9 }, sessions }))
    expect(expectTurnsToWait(users)).toBe(users.requests.size - 9)
    expect(mostInFlight(users)).toBeLessThanOrEqual(9)
  })

  test('users on a schedule: a turn is late only because the answer before was', () => {
    const { thinkTimeSec: _, ...unpaced } = sessions
    const result = run(
      of({ arrivals: { kind: 'users', users: 30, rateRps: 60 }, sessions: unpaced }),
    )
    expectTurnsToWait(result)
    const { requests, sentMs, outcomes } = result
    sentMs.forEach((ms, row) => {
      const before = requests.predecessor![row]!
      const ended = before < 0 ? 0 : outcomes.finishedMs[before]!
      expect(ms).toBeCloseTo(Math.max(requests.arrivalMs[row]!, ended), 6)
    })
  })

  test('agents: calls wait for tools, and turns for the agents they set off', () => {
    const result = run(
      of({ arrivals: { kind: 'poisson', rateRps: 5 }, sessions: { ...sessions, agents } }),
    )
    expect(completed(result)).toBe(true)
    expect(expectTurnsToWait(result)).toBeGreaterThan(200)
    // Agents of one turn work side by side.
    expect(mostInFlight(result)).toBeGreaterThan(2)
  })

  test('a trace all at once behind a limit is a closed loop too', () => {
    const trace = generateTrace({ durationSec: 3, rateRps: 50 })
    const requests = retimeTrace(trace, { arrivals: 'at_once' })
    const result = tinyRun({ requests, backends, stepper, maxInFlight: 6 })
    expect(mostInFlight(result)).toBe(6)
    expect(completed(result)).toBe(true)
  })
})

test('what waits can not be made one by one', () => {
  const table = generateTrace(of({ arrivals: { kind: 'users', users: 3 } }))
  expect(() => tableSource(table)).toThrow('expected none that waits for another')
})
