import type { BestScore, DecisionTrace } from '@routesim/core'
import type { LiveCluster } from './live-cluster.js'
import type { LiveRequest } from './live-request.js'

/** What was known of one worker when a decision was made. */
export interface DecisionCandidate {
  readonly worker: number
  readonly available: boolean
  readonly matchedTokens: number
  readonly waiting: number
  readonly running: number
  readonly outstanding: number
  readonly pendingPromptTokens: number
  readonly kvUsage: number
  /** What the algorithm compared, and what that is made of; absent when it does not say. */
  readonly score?: number
  readonly terms?: Readonly<Record<string, number>>
}

/** A decision, with what it could be based on. Never what a prompt says. */
export interface Decision {
  readonly timeMs: number
  readonly request: number
  readonly promptTokens: number
  readonly attempt: number
  /** Where it went: a worker, a prefill and a decode worker, or nowhere and why. */
  readonly to: readonly number[] | string
  /** Whether the lowest or the highest score wins; absent when the algorithm does not say. */
  readonly best?: BestScore
  /** Which of several rules applied. */
  readonly rule?: string
  readonly candidates: readonly DecisionCandidate[]
}

/** The last decisions of a router. */
export class DecisionLog {
  private readonly capacity: number
  private readonly ring: Decision[] = []
  private next = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  add(
    request: LiveRequest,
    cluster: LiveCluster,
    timeMs: number,
    attempt: number,
    to: Decision['to'],
    traces: readonly DecisionTrace[],
  ): void {
    if (this.capacity === 0) return
    const matched = cluster.prefixMatch(request)
    const candidates = cluster.backends.map((backend) => ({
      worker: backend.id,
      available: backend.available,
      matchedTokens: matched[backend.id]!,
      waiting: backend.waiting,
      running: backend.running,
      outstanding: backend.outstanding,
      pendingPromptTokens: backend.pendingPromptTokens,
      kvUsage: backend.kvUsage,
      ...scoreOf(traces, backend.id),
    }))
    const { id, promptTokens } = request
    const best = traces.find((trace) => trace.best !== undefined)?.best
    const rule = traces.flatMap(({ branch }) => branch ?? []).join('; ')
    this.ring[this.next] = {
      ...{ timeMs, request: id, promptTokens, attempt, to },
      ...(best !== undefined && { best }),
      ...(rule !== '' && { rule }),
      candidates,
    }
    this.next = (this.next + 1) % this.capacity
  }

  /** The last `count`, the newest first. */
  last(count: number): Decision[] {
    const all = [...this.ring.slice(this.next), ...this.ring.slice(0, this.next)]
    return all.reverse().slice(0, count)
  }
}

function scoreOf(
  traces: readonly DecisionTrace[],
  backend: number,
): Pick<DecisionCandidate, 'score' | 'terms'> {
  const found = traces
    .flatMap(({ candidates }) => candidates)
    .find((candidate) => candidate.backend === backend)
  if (found?.score === undefined) return {}
  return { score: found.score, terms: found.terms }
}
