import type { RequestTable } from '../requests/request-table.js'
import type { BackendView } from './cluster-view.js'
import type { LiveClusterView } from './live-views.js'
import { areOfOneModel } from './one-model.js'

/** What routers see of a cluster whose backends serve models by name: for a request, those that serve it. */
export class ModelViews {
  private readonly cluster: LiveClusterView
  private readonly requests: RequestTable
  /** By index of the model's name among the strings of the requests. */
  private readonly views = new Map<number, LiveClusterView | undefined>()

  constructor(cluster: LiveClusterView, requests: RequestTable) {
    this.cluster = cluster
    this.requests = requests
  }

  /** The backends that serve a request; undefined when no backend, or no pair of them, does. */
  of(request: number): LiveClusterView | undefined {
    const model = this.requests.model[request]!
    if (model < 0) return this.cluster
    if (!this.views.has(model)) {
      const view = this.cluster.where((backend) => this.serves(backend, request))
      this.views.set(model, isWhole(view.backends) ? view : undefined)
    }
    return this.views.get(model)
  }

  /** The cluster lists other backends now. */
  forget(): void {
    this.views.clear()
  }

  /** Whether a backend serves what a request asks for; a request that names no model takes any. */
  serves({ model }: BackendView, request: number): boolean {
    const wanted = this.requests.model[request]!
    return wanted < 0 || areOfOneModel(model, this.requests.strings[wanted])
  }
}

/** Whether there is a backend, or a pair of them, that can serve a request. */
export function isWhole(backends: readonly BackendView[]): boolean {
  return (
    backends.some(({ role }) => role !== 'decode') &&
    backends.some(({ role }) => role !== 'prefill')
  )
}
