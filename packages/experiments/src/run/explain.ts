import { setImmediate } from 'node:timers/promises'
import {
  areOfOneModel,
  type BackendRole,
  type BackendSpec,
  type DecisionRecord,
  type ForcedDecision,
  OUTCOME,
  RandomStream,
  RouteSimError,
  type RunResult,
  Simulation,
  type SimulationOptions,
} from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { shareText } from '../notes/share-text.js'
import { besideRequests } from '../workload/beside-requests.js'
import { loadWorkload } from '../workload/load-workload.js'
import { interrupted, simulationOptions } from './execute.js'
import { type AlgorithmChoice, resolveAlgorithms } from './resolve-algorithms.js'
import { runSettings } from './run-settings.js'
import {
  describeScenario,
  type ExperimentOptions,
  prepareFleet,
  type ScenarioInfo,
} from './scenario.js'

/** Events between two looks at the outside world. */
const EVENTS_PER_SLICE = 20_000
/** Alternatives that are tried for a decision if not told otherwise: each is a simulation. */
const ALTERNATIVES = 16

/** Options of {@link explain}; one seed, one visibility. */
export interface ExplainOptions extends ExperimentOptions {
  readonly algorithm: AlgorithmChoice
  /** Which requests: their numbers in order of arrival, the highest TTFTs of those completed, or any. */
  readonly requests:
    | { readonly ids: readonly number[] }
    | { readonly worst: number }
    | { readonly random: number }
  /** Backends tried in hindsight per decision, 0 for none; 16 by default. */
  readonly mostAlternatives?: number | undefined
}

/** What would have become of a request elsewhere. Times in ms from when it was sent, NaN for never. */
export interface Alternative {
  readonly backend: number
  /** The same unless the request is disaggregated. */
  readonly decode: number
  readonly isChosen: boolean
  readonly outcome: keyof typeof OUTCOME
  readonly ttftMs: number
  readonly e2eMs: number
}

/** One decision, and what the others would have cost. */
export interface ExplainedDecision {
  readonly record: DecisionRecord
  /** Simulated anew up to the end of the request, with this decision forced; the rest of the run as it comes. */
  readonly alternatives: readonly Alternative[]
  /** Alternatives there are, of which perhaps not all were tried. */
  readonly alternativeCount: number
}

/** A request, what became of it, and the decisions about it. */
export interface ExplainedRequest {
  readonly request: number
  /** At its client. */
  readonly arrivalMs: number
  /** When its client sent it: its arrival, or later. Latencies count from here. */
  readonly sentMs: number
  readonly promptTokens: number
  readonly outputTokens: number
  readonly session?: string
  readonly outcome: keyof typeof OUTCOME
  /** Why it was rejected or lost. */
  readonly reason?: string
  /** Prompt tokens that were in the KV cache. */
  readonly cachedTokens: number
  readonly ttftMs: number
  readonly e2eMs: number
  readonly decisions: readonly ExplainedDecision[]
}

/** What {@link explain} found. */
export interface ExplainReport {
  readonly scenario: ScenarioInfo
  readonly algorithm: string
  readonly requests: readonly ExplainedRequest[]
}

/**
 * Tells why requests went where they went, and what would have become of them elsewhere: for each
 * alternative the whole run is simulated anew with this one decision forced, under the same seed.
 *
 * @throws RouteSimError as `run` does, and `request_unknown`
 */
export async function explain(options: ExplainOptions): Promise<ExplainReport> {
  const prepared = await prepareFleet({ ...options, perRequest: true, detail: false })
  const { fleet, visibilities } = prepared
  const seed = prepared.seeds[0]!
  const [algorithm] = resolveAlgorithms(
    [options.algorithm],
    prepared.config,
    visibilities.slice(0, 1),
  )
  const { label } = algorithm!
  const configPath = typeof options.config === 'string' ? options.config : undefined
  const workload = await loadWorkload(prepared.config, options.trace, options, configPath)
  const config = await besideRequests(prepared.config, workload)
  const scenario = await describeScenario({ ...prepared, config }, workload, options.signal)
  const requests = await workload.requests(seed, options.signal)
  const simulation = (watched: Partial<SimulationOptions>): Simulation =>
    new Simulation({
      ...simulationOptions({
        ...{ fleet, requests, algorithm: algorithm!, seed },
        settings: runSettings(config),
      }),
      ...watched,
    })
  const whole = await finish(simulation({}), options.signal)
  const rows = chooseRows(options.requests, whole, seed)
  const isAsked = new Set(rows)
  const records: DecisionRecord[] = []
  const onDecision = (record: DecisionRecord): void => {
    if (isAsked.has(record.request)) records.push(record)
  }
  await finish(simulation({ onDecision }), options.signal)
  const tries = new Tries(simulation, fleet.cluster.backends, options, label, records.length)
  const explained: ExplainedRequest[] = []
  for (const row of rows) {
    const decisions: ExplainedDecision[] = []
    for (const record of records.filter((each) => each.request === row)) {
      decisions.push(await tries.of(record))
    }
    explained.push({ ...outcomeOf(row, whole), decisions })
  }
  const notes = [...scenario.notes, ...lostNotes(options.requests, whole)]
  return { scenario: { ...scenario, notes }, algorithm: label, requests: explained }
}

/** Simulates what would have come of other decisions. */
class Tries {
  private readonly simulation: (watched: Partial<SimulationOptions>) => Simulation
  private readonly backends: readonly BackendSpec[]
  private readonly options: ExplainOptions
  private readonly label: string
  private readonly total: number
  private done = 0

  constructor(
    simulation: (watched: Partial<SimulationOptions>) => Simulation,
    backends: readonly BackendSpec[],
    options: ExplainOptions,
    label: string,
    total: number,
  ) {
    this.simulation = simulation
    this.backends = backends
    this.options = options
    this.label = label
    this.total = total
  }

  async of(record: DecisionRecord): Promise<ExplainedDecision> {
    const { mostAlternatives = ALTERNATIVES, signal, onProgress } = this.options
    const forced = forcedDecisions(record, this.backends)
    const alternatives: Alternative[] = []
    const tried = forced.slice(0, mostAlternatives)
    for (const [i, forcedDecision] of tried.entries()) {
      const fraction = i / tried.length
      onProgress?.({
        ...{ label: this.label, finishedRuns: this.done, totalRuns: this.total, fraction },
      })
      const simulation = this.simulation({ forcedDecision })
      const result = await finish(simulation, signal, record.request)
      const { outcome, ttftMs, e2eMs } = outcomeOf(record.request, result)
      const { backend, decode } = forcedDecision
      const isChosen = backend === record.backend && decode === record.decode
      alternatives.push({ backend, decode, isChosen, outcome, ttftMs, e2eMs })
    }
    this.done++
    return { record, alternatives, alternativeCount: forced.length }
  }
}

type Pair = readonly [backend: number, decode: number]

/** The decision as it was made and all others, the best by score first; none for one that holds. */
function forcedDecisions(record: DecisionRecord, specs: readonly BackendSpec[]): ForcedDecision[] {
  const { request, attempt, turn, action, isRelease, random, backends } = record
  if (action === 'hold') return []
  const able = backends.filter(({ believed }) => believed.available).map(({ backend }) => backend)
  const ranked = (stage: string, ...served: readonly BackendRole[]): number[] => {
    const trace = record.traces.find(({ stage: name }) => name === stage) ?? record.traces[0]
    const { candidates = [], best = 'lowest' } = trace ?? {}
    const sign = best === 'lowest' ? 1 : -1
    const costs = new Map(candidates.map(({ backend, score = 0 }) => [backend, sign * score]))
    return able
      .filter((id) => served.includes(specs[id]!.role))
      .sort((a, b) => (costs.get(a) ?? 0) - (costs.get(b) ?? 0) || a - b)
  }
  // Who refuses a request whose prompt is computed names the backend that has it.
  const isComputed = action === 'decode' || (action === 'reject' && record.backend >= 0)
  const prefills = (): Pair[] =>
    ranked('prefill', 'prefill', ...(action === 'prefill' ? [] : (['both'] as const))).map((id) => [
      id,
      record.decode,
    ])
  const decodes = (): Pair[] => ranked('decode', 'decode', 'both').map((id) => [record.backend, id])
  let pairs: Pair[]
  if (isComputed) pairs = decodes()
  else if (action === 'prefill') pairs = prefills()
  else if (action === 'disaggregate') pairs = [...prefills(), ...decodes()]
  else pairs = ranked('', 'both').map((id) => [id, id])
  const chosen: Pair[] = action === 'reject' ? [] : [[record.backend, record.decode]]
  // A KV cache is of no use to another model.
  const isOne = ([prefill, decode]: Pair): boolean =>
    decode < 0 || areOfOneModel(specs[prefill]!.model, specs[decode]!.model)
  const all = new Map([...chosen, ...pairs.filter(isOne)].map((pair) => [pair.join(), pair]))
  return [...all.values()].map(([backend, decode]) => ({
    ...{ request, attempt, turn, backend, decode },
    ...(!isRelease && { random }),
  }))
}

function chooseRows(asked: ExplainOptions['requests'], whole: RunResult, seed: number): number[] {
  const { size } = whole.requests
  if ('ids' in asked) {
    const unknown = asked.ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < size))
    if (unknown === undefined) return [...new Set(asked.ids)]
    throw new RouteSimError<ExperimentsErrorCode>(
      `request: expected a number from 0 to ${size - 1}, got ${unknown}`,
      {
        code: 'request_unknown',
        path: 'request',
        hint: 'Requests are counted in order of arrival.',
      },
    )
  }
  const rows = Array.from({ length: size }, (_, row) => row)
  if ('worst' in asked) {
    const completed = rows.filter((row) => isCompleted(whole, row))
    const ttft = (row: number): number => whole.outcomes.firstTokenMs[row]! - whole.sentMs[row]!
    // One without output waited for no token.
    const rank = (row: number): number => (Number.isNaN(ttft(row)) ? 0 : ttft(row))
    return (completed.length > 0 ? completed : rows)
      .sort((a, b) => rank(b) - rank(a) || a - b)
      .slice(0, asked.worst)
  }
  const random = new RandomStream(seed, 'explain')
  for (let i = 0; i < Math.min(asked.random, size); i++) {
    const j = i + random.integer(size - i)
    ;[rows[i], rows[j]] = [rows[j]!, rows[i]!]
  }
  return rows.slice(0, asked.random).sort((a, b) => a - b)
}

function isCompleted({ outcomes }: RunResult, row: number): boolean {
  return outcomes.outcome[row] === OUTCOME.completed
}

/** Says that the worst are of those requests that were completed, where not all were. */
function lostNotes(asked: ExplainOptions['requests'], whole: RunResult): string[] {
  if (!('worst' in asked)) return []
  const { size } = whole.requests
  const rows = Array.from({ length: size }, (_, row) => row)
  const lost = rows.filter((row) => !isCompleted(whole, row))
  if (lost.length === 0 || lost.length === size) return []
  return [
    `${shareText(lost.length / size)} of the requests were not completed, the first of them request ${lost[0]}: the worst are of the others`,
  ]
}

/** Runs to the end, or to that of one request. */
async function finish(
  simulation: Simulation,
  signal: AbortSignal | undefined,
  request?: number,
): Promise<RunResult> {
  for (;;) {
    await setImmediate()
    if (signal?.aborted) throw interrupted()
    const isOver = simulation.run(EVENTS_PER_SLICE)
    const result = isOver || request !== undefined ? simulation.result() : undefined
    if (isOver) return result!
    if (result !== undefined && result.outcomes.outcome[request!] !== OUTCOME.unfinished) {
      return result
    }
  }
}

function outcomeOf(row: number, result: RunResult): Omit<ExplainedRequest, 'decisions'> {
  const { requests, outcomes, sentMs, rejectReasons } = result
  const names = Object.keys(OUTCOME) as (keyof typeof OUTCOME)[]
  const outcome = names.find((name) => OUTCOME[name] === outcomes.outcome[row])!
  const session = requests.strings[requests.session[row]!]
  const reason = rejectReasons[outcomes.rejectReason[row]!]
  return {
    request: row,
    arrivalMs: requests.arrivalMs[row]!,
    sentMs: sentMs[row]!,
    promptTokens: requests.promptTokens[row]!,
    outputTokens: requests.outputTokens[row]!,
    ...(session !== undefined && { session }),
    outcome,
    ...(reason !== undefined && { reason }),
    cachedTokens: outcomes.cachedTokens[row]!,
    ttftMs: outcomes.firstTokenMs[row]! - sentMs[row]!,
    // One that failed on the way has an end, but no last token.
    e2eMs: outcome === 'completed' ? outcomes.finishedMs[row]! - sentMs[row]! : Number.NaN,
  }
}
