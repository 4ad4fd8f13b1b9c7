import { type PdPairOptions, pdPair, perModel } from '@routesim/algorithms'
import type { RoutingAlgorithm } from '@routesim/core'
import {
  type Config,
  choosesBoth,
  loadAlgorithm,
  type RouterMaker,
  routerMaker,
} from '@routesim/experiments'

/**
 * Makes a fresh routing algorithm; of a pair of them, `wrap` makes the one that combinators are around. `observes` is
 * what they say that they look at.
 */
export type AlgorithmFactory = (() => RoutingAlgorithm) & Partial<Omit<RouterMaker, 'create'>>

/**
 * Makes what decides for a whole fleet: one algorithm, or a pair where some workers prefill and others decode,
 * unless the algorithm chooses both by itself; each model has its own; and the combinators around it.
 *
 * @param isSplit - whether workers have different roles
 * @param isMixed - whether they serve different models, now
 * @param pair - how a pair decides; a live router does so on arrival
 */
export function makeAlgorithm(
  create: AlgorithmFactory,
  isSplit: boolean,
  isMixed: () => boolean,
  pair: PdPairOptions = {},
): RoutingAlgorithm {
  const ofOneModel = (): RoutingAlgorithm => {
    const first = create()
    return !isSplit || choosesBoth(first) ? first : pdPair(first, create(), pair)
  }
  const whole = perModel(ofOneModel, isMixed)
  return create.wrap?.(whole) ?? whole
}

/** Whether some workers serve another model than others. */
export function serveDifferently(
  workers: readonly { readonly model?: string | undefined }[],
): boolean {
  return workers.some(({ model }) => model !== workers[0]!.model)
}

/**
 * Makes instances of what a config names: a built-in algorithm or a file, perhaps in combinators, as in
 * simulations. A file, and what it imports, is loaded as it is now.
 *
 * @param tables - parameters where the name has none, by algorithm
 * @throws RouteSimError when it is unknown, or a parameter is
 */
export async function loadAlgorithmFactory(
  spec: string,
  tables: Config['algorithms'] = {},
): Promise<AlgorithmFactory> {
  const { create, ...about } = routerMaker(await loadAlgorithm(spec, { isAnew: true }), tables)
  return Object.assign(() => create(), about)
}
