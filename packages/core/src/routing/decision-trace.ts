/** A backend that might take a request, and what speaks for it. */
export interface CandidateScore {
  /** Id of the backend. */
  readonly backend: number
  /** What the router compares. */
  readonly score: number
  /** What the score is made of, by name; units as the router's documentation has them. */
  readonly terms: Readonly<Record<string, number>>
}

/** How a router weighs its candidates for one request. */
export interface DecisionTrace {
  /** Whether the lowest or the highest score wins. */
  readonly best: 'lowest' | 'highest'
  /** Which of several rules applies, when the router has several. */
  readonly branch?: string
  readonly candidates: readonly CandidateScore[]
}
