import {
  type BackendTotals,
  NO_NODE,
  OUTCOME,
  RequestTableBuilder,
  type RunResult,
} from '@routesim/core'

/** One request of a run made by hand: what it was and what became of it. */
export interface RequestFacts {
  readonly arrivalMs: number
  readonly promptTokens?: number
  readonly outputTokens?: number
  readonly outcome?: keyof typeof OUTCOME
  readonly backend?: number
  readonly prefillBackend?: number
  readonly admittedMs?: number
  readonly firstTokenMs?: number
  readonly finishedMs?: number
  readonly cachedTokens?: number
  readonly preemptions?: number
  readonly attempts?: number
  readonly rejectReason?: string
  /** Leading tokens of shareable content. */
  readonly contentTokens?: number
}

/** A run result as the engine would leave it behind, from the facts of its requests. */
export function runResult(
  facts: readonly RequestFacts[],
  backends: readonly Partial<BackendTotals>[],
  rest: Partial<RunResult> = {},
): RunResult {
  const builder = new RequestTableBuilder()
  for (const [i, fact] of facts.entries()) {
    const content =
      fact.contentTokens === undefined
        ? {}
        : { promptNode: builder.prompts.block(NO_NODE, i, fact.contentTokens) }
    builder.add({
      arrivalMs: fact.arrivalMs,
      promptTokens: fact.promptTokens ?? 100,
      outputTokens: fact.outputTokens ?? 10,
      ...content,
    })
  }
  const reasons = [...new Set(facts.flatMap((fact) => fact.rejectReason ?? []))]
  const backendOf = (fact: RequestFacts) => fact.backend ?? (fact.rejectReason ? -1 : 0)
  const warmupRequests = rest.warmupRequests ?? 0
  const requests = builder.build()
  return {
    router: 'by_hand',
    visibility: 'exact',
    seed: 1,
    requestCount: facts.length,
    requests,
    outcomes: {
      outcome: Uint8Array.from(
        facts,
        (f) => OUTCOME[f.outcome ?? (f.rejectReason ? 'rejected' : 'completed')],
      ),
      backend: Int32Array.from(facts, backendOf),
      prefillBackend: Int32Array.from(facts, (f) => f.prefillBackend ?? backendOf(f)),
      admittedMs: Float64Array.from(facts, (f) => f.admittedMs ?? Number.NaN),
      firstTokenMs: Float64Array.from(facts, (f) => f.firstTokenMs ?? Number.NaN),
      finishedMs: Float64Array.from(facts, (f) => f.finishedMs ?? Number.NaN),
      cachedTokens: Int32Array.from(facts, (f) => f.cachedTokens ?? 0),
      preemptions: Int32Array.from(facts, (f) => f.preemptions ?? 0),
      attempts: Uint8Array.from(facts, (f) => f.attempts ?? 0),
      rejectReason: Int32Array.from(facts, (f) => reasons.indexOf(f.rejectReason ?? '')),
    },
    sentMs: requests.arrivalMs,
    rejectReasons: reasons,
    warmupRequests,
    measuredFromMs: facts[warmupRequests]?.arrivalMs ?? 0,
    endMs: facts.reduce((end, fact) => Math.max(end, fact.finishedMs ?? fact.arrivalMs), 0),
    complete: true,
    backends: backends.map((backend, id) => ({ ...idleBackend, id, ...backend })),
    customMetrics: {},
    ...rest,
  }
}

const idleBackend = {
  role: 'both',
  busyMs: 0,
  steps: 0,
  prefillTokens: 0,
  decodeTokens: 0,
  evictions: 0,
  preemptions: 0,
  waitingRequestMs: 0,
  runningRequestMs: 0,
  totalBlocks: 100,
  heldBlocks: 0,
  cachedBlocks: 0,
} as const
