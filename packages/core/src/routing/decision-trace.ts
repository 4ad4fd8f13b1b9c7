import type { BackendView, ClusterView } from './cluster-view.js'

/** Which of two scores wins. */
export type BestScore = 'lowest' | 'highest'

/**
 * Where a router writes down, while it decides, what speaks for each backend. The pickers of
 * `@routesim/algorithms` write their scores by themselves; a router adds what they are made of. Only there
 * when somebody asks: `cluster.notes?.terms('queue', column)` costs nothing else.
 */
export interface DecisionNotes {
  /** A new part of the decision begins, in which one backend is chosen: `prefill`, `decode`. */
  stage(name: string): void
  /** Which of several rules applies. */
  branch(rule: string): void
  /** A term of the scores, as a column by backend id, which is copied. */
  terms(name: string, values: ArrayLike<number>): void
  /** A term of the score of one backend. */
  term(name: string, backend: number, value: number): void
  /** Leading prompt tokens that the router, by an index of its own, believes each backend to hold. */
  believedTokens(values: ArrayLike<number>): void
  /** The costs of the next comparison are scores of which the highest wins, with their sign turned. */
  highest(): void
  /**
   * Backends were compared, the lowest cost winning.
   * @param costs - by backend id; Infinity for those that were ruled out
   * @param chosen - what came of it
   * @param isDrawn - whether it was drawn by lot, with chances that follow the costs
   */
  compared(
    cluster: ClusterView,
    costs: ArrayLike<number>,
    chosen: BackendView | { readonly kind: string },
    isDrawn?: boolean,
  ): void
}

/** A backend that might take a request, and what speaks for it. */
export interface CandidateScore {
  /** Id of the backend. */
  readonly backend: number
  /** What the router compares: infinite where it was ruled out, undefined where nothing was compared. */
  readonly score?: number
  /** What the score is made of, by name; units as the router's documentation has them. */
  readonly terms: Readonly<Record<string, number>>
  /** Leading prompt tokens that the router's own index has for it; undefined where it has none. */
  readonly believedTokens?: number
}

/** How a router weighed its candidates for one request, or for one stage of it. */
export interface DecisionTrace {
  /** `prefill` or `decode` for one half of a pair, else empty. */
  readonly stage: string
  /** Whether the lowest or the highest score wins; undefined where nothing was compared. */
  readonly best?: BestScore
  /** Whether it was drawn by lot, with chances that follow the scores. */
  readonly isDrawn: boolean
  /** Which of several rules applied, when the router says so. */
  readonly branch?: string
  /** Available backends that share the best score, 0 where nothing was compared. */
  readonly tied: number
  readonly candidates: readonly CandidateScore[]
}

/** The load of a backend at one instant. */
export interface BackendFacts {
  /** Whether it takes requests: healthy, with room in its queue. */
  readonly available: boolean
  readonly waiting: number
  readonly running: number
  readonly outstanding: number
  readonly pendingPromptTokens: number
  /** Share of KV blocks held by running requests, 0 to 1. */
  readonly kvUsage: number
  /** Leading tokens of this prompt that it holds. */
  readonly cachedTokens: number
}

/** What a router could know of a backend when it decided, and what was so. */
export interface BackendKnowledge {
  readonly backend: number
  /** As the scenario's visibility delivered it. */
  readonly believed: BackendFacts & {
    /** Age of the metrics in ms; Infinity where there were none. */
    readonly metricsAgeMs: number
  }
  readonly actual: BackendFacts
}

/** State of a random stream, as `RandomStream` gives and takes it. */
export type RandomState = readonly number[]

/** One decision of a router about one request. */
export interface DecisionRecord {
  /** Number of the request in order of arrival. */
  readonly request: number
  /** Times it had come back from a backend. */
  readonly attempt: number
  /** Times the router had put off a part of the decision in this attempt. */
  readonly turn: number
  readonly atMs: number
  /** The router replica that decided, from 0. */
  readonly router: number
  /** `prefill` when it is left open where the request is decoded, which `decode` says later. */
  readonly action: 'send' | 'disaggregate' | 'prefill' | 'decode' | 'hold' | 'reject'
  /** Where it goes, or went, first; -1 for nowhere. */
  readonly backend: number
  /** Where it is answered: the same unless it was disaggregated; -1 for nowhere yet. */
  readonly decode: number
  /** Why it was rejected. */
  readonly reason?: string
  /** True when a request that was held was let go, which carries no scores. */
  readonly isRelease: boolean
  readonly traces: readonly DecisionTrace[]
  /** One for every backend that the router could choose from. */
  readonly backends: readonly BackendKnowledge[]
  /** The router's random stream after the decision. */
  readonly random: RandomState
}

/**
 * A decision that is not the router's. All other backends look full to the router for that instant, so that its
 * own account of what it sent where is in order; what it says even so is overruled, but a hold: then it is
 * forced whenever it decides about the request again, until it lets it go.
 */
export interface ForcedDecision {
  readonly request: number
  readonly attempt: number
  /** Times a part of the decision was put off before in this attempt. */
  readonly turn: number
  readonly backend: number
  /** Where it is answered; the same unless it is disaggregated, and -1 to leave it open. */
  readonly decode: number
  /** The state in which the decision leaves the router's random stream, from a {@link DecisionRecord}. */
  readonly random?: RandomState
}
