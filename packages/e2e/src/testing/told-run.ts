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
  let text = ''
  for (const name of COLUMNS) text += `${requests[name][row]},`
  for (const name of OUTCOMES) text += `${outcomes[name][row]},`
  return `${text}${outcomes.loadedTokens?.[row] ?? 0}`
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
      for (let i = 0; i < runs.length; i += 4)
        gaps.push(`${runs[i]},${runs[i + 1]},${runs[i + 2]},${runs[i + 3]}`)
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
