import {
  type Recorder,
  type RequestOutcomes,
  type RequestTable,
  type RunTotals,
  Simulation,
  type SimulationOptions,
} from '@routesim/core'

/** Of a request, its first facts in {@link Told.requests}. */
export const COLUMNS = ['arrivalMs', 'promptTokens', 'outputTokens', 'promptNode'] as const
const OUTCOMES = [
  'outcome',
  'backend',
  'prefillBackend',
  'admittedMs',
  'firstTokenMs',
  'finishedMs',
  'cachedTokens',
  'preemptions',
  'attempts',
  'rejectReason',
] as const

function facts(row: number, requests: RequestTable, outcomes: RequestOutcomes): string {
  const request = COLUMNS.map((name) => requests[name][row])
  const loadedTokens = outcomes.loadedTokens?.[row] ?? 0
  return [...request, ...OUTCOMES.map((name) => outcomes[name][row]), loadedTokens].join()
}

/** All that a run tells of its measured requests, whether it keeps them or not. */
export interface Told {
  readonly totals: RunTotals
  /** What became of each measured request, sorted. */
  readonly requests: readonly string[]
  readonly gaps: readonly string[]
}

/** Runs to the end. */
export function toldRun(options: Omit<SimulationOptions, 'recorder'>): Told {
  const ended: string[] = []
  const gaps: string[] = []
  const recorder: Recorder = {
    tokenGaps: (runs) => {
      for (let i = 0; i < runs.length; i += 4) gaps.push(runs.slice(i, i + 4).join())
    },
    requestEnded: (row, requests, outcomes) => void ended.push(facts(row, requests, outcomes)),
  }
  const simulation = new Simulation({ ...options, recorder })
  while (!simulation.run());
  if (!('next' in options.requests)) {
    const { requests, outcomes, warmupRequests } = simulation.result()
    for (let row = warmupRequests; row < requests.size; row++) {
      ended.push(facts(row, requests, outcomes))
    }
  }
  return { totals: simulation.totals(), requests: ended.sort(), gaps: gaps.sort() }
}
