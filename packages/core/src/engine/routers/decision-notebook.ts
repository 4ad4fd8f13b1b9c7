import type { BackendView, ClusterView } from '../../routing/cluster-view.js'
import type {
  BestScore,
  CandidateScore,
  DecisionNotes,
  DecisionTrace,
} from '../../routing/decision-trace.js'

/** Backends that were compared once. */
interface Comparison {
  readonly best: BestScore
  readonly isDrawn: boolean
  readonly scores: ReadonlyMap<number, number>
  readonly tied: number
  /** The backend that came of it, -1 for none. */
  readonly picked: number
}

type Candidate = Pick<BackendView, 'id' | 'role'>

interface Stage {
  readonly name: string
  branch: string | undefined
  readonly terms: Map<string, Map<number, number>>
  believed: ReadonlyMap<number, number> | undefined
  readonly comparisons: Comparison[]
}

/** What a router notes while it makes one decision. */
export class DecisionNotebook implements DecisionNotes {
  private stages: Stage[] = [emptyStage('')]
  private best: BestScore = 'lowest'
  private backends: readonly Candidate[] = []

  /** A decision begins. @param backends - those to choose from */
  begin(backends: readonly Candidate[]): void {
    this.backends = [...backends]
    this.stages = [emptyStage('')]
    this.best = 'lowest'
  }

  stage(name: string): void {
    const isUnused = isEmpty(this.current) && this.stages.length === 1
    if (isUnused) this.stages = []
    this.stages.push(emptyStage(name))
  }

  branch(rule: string): void {
    this.current.branch = rule
  }

  terms(name: string, values: ArrayLike<number>): void {
    this.current.terms.set(name, this.byId(values))
  }

  term(name: string, backend: number, value: number): void {
    const { terms } = this.current
    const column = terms.get(name) ?? new Map<number, number>()
    terms.set(name, column.set(backend, value))
  }

  believedTokens(values: ArrayLike<number>): void {
    this.current.believed = this.byId(values)
  }

  highest(): void {
    this.best = 'highest'
  }

  compared(
    { ids, columns }: ClusterView,
    costs: ArrayLike<number>,
    chosen: BackendView | { readonly kind: string },
    isDrawn: boolean = false,
  ): void {
    const sign = this.best === 'lowest' ? 1 : -1
    const scores = new Map<number, number>()
    let least = Number.POSITIVE_INFINITY
    let tied = 0
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!
      const cost = costs[id]!
      // Not -0, which is written otherwise than 0.
      scores.set(id, cost === 0 ? 0 : sign * cost)
      if (columns.waiting[id]! >= columns.maxQueueDepth[id]! || cost > least) continue
      tied = cost < least ? 1 : tied + 1
      least = cost
    }
    const picked = 'id' in chosen ? chosen.id : -1
    this.current.comparisons.push({ best: this.best, isDrawn, scores, tied, picked })
    this.best = 'lowest'
  }

  /** What was noted, given what became of it: the last comparison that speaks for it counts. */
  traces(chosen: { readonly backend: number; readonly decode: number }): DecisionTrace[] {
    return this.stagesOf(chosen).map((stage) => {
      const picked = stage.name === 'decode' ? chosen.decode : chosen.backend
      const { comparisons, branch } = stage
      const isNowhere = picked === -1
      const comparison = comparisons.findLast((each) => isNowhere || each.picked === picked)
      return {
        stage: stage.name,
        ...(comparison && { best: comparison.best }),
        isDrawn: comparison?.isDrawn ?? false,
        ...(branch !== undefined && { branch }),
        tied: comparison?.tied ?? 0,
        candidates: this.candidates(stage, comparison),
      }
    })
  }

  /** As they were noted; of two backends chosen in one go, which is one stage to the router, each has its own. */
  private stagesOf({ backend, decode }: { backend: number; decode: number }): readonly Stage[] {
    const [only] = this.stages
    const isPair = backend >= 0 && decode >= 0 && backend !== decode
    if (!isPair || this.stages.length > 1 || only!.name !== '') return this.stages
    return ['prefill', 'decode'].map((name) => ({ ...only!, name }))
  }

  private candidates(stage: Stage, comparison: Comparison | undefined): CandidateScore[] {
    return this.idsOf(stage, comparison).map((backend) => {
      const terms: Record<string, number> = {}
      for (const [name, column] of stage.terms) {
        const value = column.get(backend)
        if (value !== undefined) terms[name] = value
      }
      const believedTokens = stage.believed?.get(backend)
      return {
        backend,
        ...(comparison && { score: comparison.scores.get(backend)! }),
        terms,
        ...(believedTokens !== undefined && { believedTokens }),
      }
    })
  }

  private idsOf({ name }: Stage, comparison: Comparison | undefined): number[] {
    if (comparison !== undefined) return [...comparison.scores.keys()]
    const other = name === 'decode' ? 'prefill' : name === 'prefill' ? 'decode' : undefined
    return this.backends.filter(({ role }) => role !== other).map(({ id }) => id)
  }

  private get current(): Stage {
    return this.stages.at(-1)!
  }

  private byId(values: ArrayLike<number>): Map<number, number> {
    return new Map(this.backends.map(({ id }) => [id, values[id]!]))
  }
}

function emptyStage(name: string): Stage {
  return { name, branch: undefined, terms: new Map(), believed: undefined, comparisons: [] }
}

function isEmpty({ branch, terms, comparisons }: Stage): boolean {
  return branch === undefined && terms.size === 0 && comparisons.length === 0
}
