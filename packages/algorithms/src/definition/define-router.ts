import { RouteSimError, type RoutingAlgorithm, thrownBy } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import { checkOptionNames } from './option-names.js'
import { checkHooks } from './router-hooks.js'
import {
  declarationOf,
  type RouterManifest,
  type RouterPresets,
  withPreset,
} from './router-manifest.js'
import {
  type ParameterValues,
  type RouterParameters,
  resolveParameters,
} from './router-parameters.js'

/** What {@link defineRouter} takes. */
export interface RouterOptions<Parameters extends RouterParameters> extends RouterManifest {
  /** Lower case letters, digits and `_`, beginning with a letter. */
  readonly name: string
  /** One sentence: what the router does. */
  readonly description: string
  readonly parameters?: Parameters
  /** Parameters under a name, chosen with the parameter `preset`. */
  readonly presets?: RouterPresets<NoInfer<Parameters>>
  /** Makes a fresh algorithm; its state lives in this call. The definition adds the name. */
  create(parameters: ParameterValues<Parameters>): Omit<RoutingAlgorithm, 'name'>
}

/** A named kind of router: makes one {@link RoutingAlgorithm} per run. */
export interface RouterDefinition {
  readonly name: string
  readonly description: string
  readonly parameters: RouterParameters
  readonly presets: RouterPresets
  /** What else is known of it. */
  readonly manifest: RouterManifest
  /**
   * A fresh algorithm with the default parameters, or others; `preset` names those of a preset, which the others
   * go before.
   * @throws RouteSimError `parameter_unknown` or `parameter_invalid`; `router_invalid` without a route function, or
   * with one that nearly is a hook; `router_failed` when what makes it throws
   */
  create(overrides?: Readonly<Record<string, unknown>>): RoutingAlgorithm
}

/**
 * Defines a router. Types of the parameters follow from their declaration.
 *
 * @throws RouteSimError `router_invalid` when the name is malformed, or `create`, a parameter or a preset is none;
 * `parameter_invalid` when a default is out of its own range
 * @example
 * const fewestPendingTokens = defineRouter({
 *   name: 'fewest_pending_tokens',
 *   description: 'Sends to the backend with the fewest prompt tokens still to prefill.',
 *   create: () => ({
 *     route: (request, cluster) => leastBy(cluster, (backend) => backend.pendingPromptTokens),
 *   }),
 * })
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineRouter<const Parameters extends RouterParameters = Record<never, never>>(
  options: RouterOptions<Parameters>,
): RouterDefinition {
  const declaration = declarationOf('router', options)
  const { name, parameters, presets } = declaration
  checkOptionNames(`algorithms.${name}`, options, ['create'], 'router_invalid')
  // Routers are loaded from users' files too, where no compiler has looked.
  if (typeof options.create !== 'function') {
    throw invalid(
      `algorithms.${name}: expected create() that returns an object with a route function, got ${typeof options.create}`,
    )
  }
  return Object.freeze({
    ...declaration,
    create(overrides: Readonly<Record<string, unknown>> = {}): RoutingAlgorithm {
      const values = resolveParameters(name, parameters, withPreset(name, presets, overrides))
      const algorithm = created(name, () => options.create(values as ParameterValues<Parameters>))
      checkHooks(name, algorithm)
      // Defined on the object itself, so that class instances keep their methods.
      return Object.defineProperty(algorithm, 'name', {
        value: name,
        enumerable: true,
        // Another definition may make its router of this one.
        configurable: true,
      }) as RoutingAlgorithm
    },
  })
}

/** What a router's `create` returns, if that is a router. */
function created<T extends Omit<RoutingAlgorithm, 'name'>>(name: string, create: () => T): T {
  let algorithm: T
  try {
    algorithm = create()
  } catch (cause) {
    throw thrownBy({ kind: 'router', name }, 'create()', cause)
  }
  if (typeof algorithm?.route === 'function') return algorithm
  throw invalid(`algorithms.${name}: expected create() to return an object with a route function`)
}

function invalid(message: string): RouteSimError<AlgorithmsErrorCode> {
  return new RouteSimError(message, { code: 'router_invalid' })
}
