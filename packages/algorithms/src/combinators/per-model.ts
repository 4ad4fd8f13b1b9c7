import {
  areOfOneModel,
  type BackendRole,
  type BackendView,
  type ClusterView,
  type RequestView,
  type RoutingAlgorithm,
} from '@routesim/core'
import { traitsOf } from './hooks-of.js'
import { PartOfCluster } from './part-of-cluster.js'
import { prefixedMetrics } from './prefixed-metrics.js'
import { bothHeard, type Hook, tellHook } from './tell-hook.js'

/**
 * One router for a fleet whose backends serve different models, as production stacks have it: each model has a
 * router of its own, which sees the backends that may serve it and hears of its own requests, so that neither turns
 * nor loads nor prompts of one model count for another. Requests that name no model, or one that no backend names,
 * have a router that sees all backends they are shown, unless these are all of one model.
 *
 * Custom metrics carry the name of the model.
 *
 * @param create - makes a fresh router, of a model or of the requests that name none
 * @param isMixed - whether backends serve different models now; while they do not, there is one router for all
 * @example
 * perModel(() => leastOutstanding.create()).name // => 'least_outstanding'
 */
export function perModel(
  create: (model?: string) => RoutingAlgorithm,
  isMixed: () => boolean = () => true,
): RoutingAlgorithm {
  const first = create()
  const parts: ModelPart[] = [new ModelPart(first, undefined, 0)]
  /** By id of a request: the router that was asked about it. */
  const owners = new Map<number, ModelPart>()

  function partOf(model: string | undefined): ModelPart {
    const name = isMixed() ? model : undefined
    const known = parts.find((part) => part.model === name)
    if (known !== undefined) return known
    const part = new ModelPart(create(name), name, parts.length)
    parts.push(part)
    return part
  }

  function servedBy(request: RequestView, cluster: ClusterView): string | undefined {
    const { backends } = cluster
    const model = request.model ?? backends[0]?.model
    const isOfIt = (backend: BackendView): boolean => backend.model === model
    const isServed = request.model === undefined ? backends.every(isOfIt) : backends.some(isOfIt)
    return isServed ? model : undefined
  }

  const ownerOf = (request: RequestView): ModelPart => owners.get(request.id) ?? parts[0]!

  /** Of what happens to a request, its router hears. */
  const ofRequest = (hook: RequestHook): Partial<RoutingAlgorithm> =>
    first[hook] === undefined
      ? {}
      : { [hook]: (...args: Heard<RequestView>) => ownerOf(args[0]).tell(hook, args) }

  /** Its id may be another's now. */
  function ended(hook: 'onFinished' | 'onAbandoned', args: Heard<RequestView>): unknown {
    const part = ownerOf(args[0])
    owners.delete(args[0].id)
    return part.tell(hook, args)
  }

  /** Of what happens to a backend, all hear whose requests may go there. */
  const ofBackend = (hook: BackendHook): Partial<RoutingAlgorithm> =>
    first[hook] === undefined
      ? {}
      : {
          [hook]: (...args: Heard<BackendView>) => {
            partOf(args[0].model)
            return parts
              .filter((part) => part.maySee(args[0]))
              .reduce<unknown>((heard, part) => bothHeard(heard, part.tell(hook, args)), undefined)
          },
        }

  /** What a router has called something by is told to that router. */
  const named = (hook: NamedHook): Partial<RoutingAlgorithm> =>
    first[hook] === undefined
      ? {}
      : {
          [hook]: (name: string, ...args: readonly unknown[]) => {
            const [index = '', id = ''] = [name.split(' ', 1)[0], name.slice(name.indexOf(' ') + 1)]
            return parts[Number(index)]?.tell(hook, [id, ...args])
          },
        }

  return {
    name: first.name,
    ...traitsOf(first),
    route(request, cluster) {
      const part = partOf(servedBy(request, cluster))
      owners.set(request.id, part)
      const decision = part.router.route(request, part.view(cluster))
      if (decision?.kind === 'reject') owners.delete(request.id)
      return decision
    },
    ...(first.routeDecode !== undefined && {
      routeDecode(request: RequestView, cluster: ClusterView, prefill: BackendView) {
        const part = ownerOf(request)
        return part.router.routeDecode!(request, part.view(cluster), prefill)
      },
    }),
    ...ofRequest('onDispatched'),
    ...ofRequest('onHandedOver'),
    ...ofRequest('onFirstToken'),
    ...ofRequest('onProgress'),
    ...ofRequest('onMigrated'),
    onFinished: (...args) => ended('onFinished', args),
    onAbandoned: (...args) => ended('onAbandoned', args),
    ...ofBackend('onMetrics'),
    ...ofBackend('onKvEvents'),
    ...ofBackend('onBackendChange'),
    ...(first.onRunsForgotten !== undefined && {
      onRunsForgotten(ids: ArrayLike<number>) {
        return parts.reduce<unknown>(
          (heard, { router }) => bothHeard(heard, router.onRunsForgotten?.(ids)),
          undefined,
        )
      },
    }),
    ...named('onReply'),
    ...named('onTimer'),
    ...(first.customMetrics !== undefined && {
      customMetrics: () => Object.assign({}, ...parts.map((part) => part.metrics())),
    }),
  }
}

type RequestHook = 'onDispatched' | 'onHandedOver' | 'onFirstToken' | 'onProgress' | 'onMigrated'
type BackendHook = 'onMetrics' | 'onKvEvents' | 'onBackendChange'
type NamedHook = 'onReply' | 'onTimer'
type Heard<Subject> = readonly [Subject, ...(readonly unknown[])]

/** The router of one model. */
class ModelPart {
  readonly router: RoutingAlgorithm
  /** Undefined for that of the requests that name none. */
  readonly model: string | undefined
  readonly index: number
  private readonly views = new WeakMap<ClusterView, ModelCluster>()

  constructor(router: RoutingAlgorithm, model: string | undefined, index: number) {
    this.router = router
    this.model = model
    this.index = index
  }

  /** Whether its requests may go to a backend. */
  maySee({ model }: BackendView): boolean {
    return areOfOneModel(model, this.model)
  }

  view(cluster: ClusterView): ModelCluster {
    let view = this.views.get(cluster)
    if (view === undefined) {
      view = new ModelCluster(cluster, this)
      this.views.set(cluster, view)
    }
    return view
  }

  tell(hook: Hook, args: readonly unknown[]): unknown {
    return tellHook(this.router, hook, args, (cluster) => this.view(cluster))
  }

  metrics(): Record<string, number> {
    return prefixedMetrics(this.model === undefined ? '' : `${this.model}_`, this.router)
  }
}

/** The cluster as the router of one model sees it: its backends, and its own timers and questions. */
class ModelCluster extends PartOfCluster {
  private readonly part: ModelPart

  constructor(whole: ClusterView, part: ModelPart) {
    super(whole, (backend) => part.maySee(backend))
    this.part = part
  }

  override timer(id: string, delayMs: number): void {
    super.timer(`${this.part.index} ${id}`, delayMs)
  }
  override query(backend: BackendView, id: string, about?: RequestView): void {
    super.query(backend, `${this.part.index} ${id}`, about)
  }
  override pool(...roles: readonly BackendRole[]): ClusterView {
    return this.part.view(this.whole.pool(...roles))
  }
}
