import { type RoutingAlgorithm, thrownBy } from '@routesim/core'
import { checkOptionNames } from '../definition/option-names.js'
import { checkHooks } from '../definition/router-hooks.js'
import {
  declarationOf,
  type RouterManifest,
  type RouterPresets,
  withPreset,
} from '../definition/router-manifest.js'
import {
  type ParameterValues,
  type RouterParameters,
  resolveParameters,
} from '../definition/router-parameters.js'

/** What {@link defineCombinator} takes. */
export interface CombinatorOptions<Parameters extends RouterParameters> extends RouterManifest {
  /** Lower case letters, digits and `_`, beginning with a letter. */
  readonly name: string
  /** One sentence: what it does around a router. */
  readonly description: string
  readonly parameters: Parameters
  readonly presets?: RouterPresets<NoInfer<Parameters>>
  /** Makes a fresh algorithm around a fresh one. The definition adds the name. */
  wrap(
    inner: RoutingAlgorithm,
    parameters: ParameterValues<Parameters>,
  ): Omit<RoutingAlgorithm, 'name'>
}

/** A named way to make one router out of another, written `name(router)`. */
export interface CombinatorDefinition {
  readonly name: string
  readonly description: string
  readonly parameters: RouterParameters
  readonly presets: RouterPresets
  readonly manifest: RouterManifest
  /**
   * A fresh algorithm around another, which is its own from now on. Parameters as for a router.
   * @throws RouteSimError `parameter_unknown` or `parameter_invalid`
   */
  wrap(inner: RoutingAlgorithm, overrides?: Readonly<Record<string, unknown>>): RoutingAlgorithm
}

/**
 * Defines a combinator.
 *
 * @throws RouteSimError `router_invalid` when the name is malformed, `parameter_invalid` when a default is
 * out of its own range
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineCombinator<const Parameters extends RouterParameters>(
  options: CombinatorOptions<Parameters>,
): CombinatorDefinition {
  const declaration = declarationOf('combinator', options)
  const { name, parameters, presets } = declaration
  checkOptionNames(`algorithms.${name}`, options, ['wrap'], 'router_invalid')
  return Object.freeze({
    ...declaration,
    wrap(
      inner: RoutingAlgorithm,
      overrides: Readonly<Record<string, unknown>> = {},
    ): RoutingAlgorithm {
      const values = resolveParameters(name, parameters, withPreset(name, presets, overrides))
      const algorithm = wrapped(name, () =>
        options.wrap(inner, values as ParameterValues<Parameters>),
      )
      checkHooks(name, algorithm)
      return { ...algorithm, name: `${name}(${inner.name})` }
    },
  })
}

/** What a combinator makes of a router. @throws RouteSimError `router_failed` when it throws */
function wrapped<T>(name: string, wrap: () => T): T {
  try {
    return wrap()
  } catch (cause) {
    throw thrownBy({ kind: 'combinator', name }, 'wrap()', cause)
  }
}
