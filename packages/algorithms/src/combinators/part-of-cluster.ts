import type {
  BackendColumns,
  BackendRole,
  BackendView,
  ClusterView,
  DecisionNotes,
  MigrationMode,
  RandomStream,
  RequestView,
  RoutingDecision,
} from '@routesim/core'

/** A cluster of which only some backends are seen. */
export class PartOfCluster implements ClusterView {
  protected readonly whole: ClusterView
  private readonly isSeen: (backend: BackendView) => boolean
  /** Of these backends, the ones below are seen. */
  private listed: readonly BackendView[] | undefined
  private own: readonly BackendView[] = []
  private ownIds = new Int32Array(0)

  constructor(whole: ClusterView, isSeen: (backend: BackendView) => boolean) {
    this.whole = whole
    this.isSeen = isSeen
  }

  get backends(): readonly BackendView[] {
    this.refresh()
    return this.own
  }
  get ids(): ArrayLike<number> {
    this.refresh()
    return this.ownIds
  }
  get nowMs(): number {
    return this.whole.nowMs
  }
  get random(): RandomStream {
    return this.whole.random
  }
  get columns(): BackendColumns {
    return this.whole.columns
  }
  get notes(): DecisionNotes | undefined {
    return this.whole.notes
  }

  prefixMatch(request: RequestView): ArrayLike<number> {
    return this.whole.prefixMatch(request)
  }
  kvUsages(): ArrayLike<number> {
    return this.whole.kvUsages()
  }
  emittedTokens(request: number): number {
    return this.whole.emittedTokens(request)
  }
  release(request: number, decision: RoutingDecision): void {
    this.whole.release(request, decision)
  }
  timer(id: string, delayMs: number): void {
    this.whole.timer(id, delayMs)
  }
  migrate(request: number, to: BackendView, mode?: MigrationMode): void {
    this.whole.migrate(request, to, mode)
  }
  query(backend: BackendView, id: string, about?: RequestView): void {
    this.whole.query(backend, id, about)
  }
  pool(...roles: readonly BackendRole[]): ClusterView {
    return new PartOfCluster(this.whole.pool(...roles), this.isSeen)
  }

  private refresh(): void {
    const { backends } = this.whole
    if (backends === this.listed) return
    this.listed = backends
    this.own = backends.filter(this.isSeen)
    this.ownIds = Int32Array.from(this.own, ({ id }) => id)
  }
}
