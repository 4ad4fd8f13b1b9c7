import {
  type ArrangedPolicy,
  type LocalPolicy,
  type LocalPolicyFactory,
  type RandomStream,
  type RankedPolicy,
  RouteSimError,
} from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import { checkOptionNames } from './option-names.js'
import { isName, manifestOf, type RouterManifest } from './router-manifest.js'
import {
  type ParameterValues,
  type RouterParameters,
  resolveParameters,
} from './router-parameters.js'

/** What can be said of a local policy besides its parameters. */
export type LocalPolicyManifest = Omit<RouterManifest, 'observes'>

/** What {@link defineLocalPolicy} takes. */
export interface LocalPolicyOptions<Parameters extends RouterParameters>
  extends LocalPolicyManifest {
  /** Lower case letters, digits and `_`, beginning with a letter. */
  readonly name: string
  /** One sentence: who goes first. */
  readonly description: string
  readonly parameters?: Parameters
  /** Makes a fresh policy for one scheduler. The definition adds the name. */
  create(
    parameters: ParameterValues<Parameters>,
    random: RandomStream,
  ): Omit<RankedPolicy, 'name'> | Omit<ArrangedPolicy, 'name'>
}

/** A named order of the queues of backends. */
export interface LocalPolicyDefinition {
  readonly name: string
  readonly description: string
  readonly parameters: RouterParameters
  /** What else is known of it. */
  readonly manifest: LocalPolicyManifest
  /**
   * With the default parameters, or others: what a backend's `scheduling` takes.
   * @throws RouteSimError `parameter_unknown` or `parameter_invalid`
   */
  configure(overrides?: Readonly<Record<string, unknown>>): LocalPolicyFactory
}

/**
 * Defines a local policy: one that gives each request a rank, or one that arranges the queue for each batch.
 *
 * @throws RouteSimError `policy_invalid` when the name is malformed or `create` is none, `parameter_invalid` when a default is
 * out of its own range
 * @example
 * const longestFirst = defineLocalPolicy({
 *   name: 'longest_first',
 *   description: 'The longest prompt goes first.',
 *   create: () => ({ rank: (request) => -request.promptTokens }),
 * })
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineLocalPolicy<const Parameters extends RouterParameters = Record<never, never>>(
  options: LocalPolicyOptions<Parameters>,
): LocalPolicyDefinition {
  const { name, description } = options
  if (!isName(name)) {
    throw invalid(
      `local policy name: expected lower case letters, digits and _, beginning with a letter, got ${JSON.stringify(name) ?? 'none'}`,
    )
  }
  checkOptionNames(`scheduling.${name}`, options, ['create'], 'policy_invalid')
  const parameters: RouterParameters = Object.freeze({ ...options.parameters })
  resolveParameters(name, parameters, {}, 'scheduling')
  if (typeof options.create !== 'function') {
    throw invalid(
      `scheduling.${name}: expected create() that returns an object with a function rank or arrange, got ${typeof options.create}`,
    )
  }
  return Object.freeze({
    name,
    description,
    parameters,
    manifest: manifestOf(options),
    configure(overrides: Readonly<Record<string, unknown>> = {}): LocalPolicyFactory {
      const values = resolveParameters(name, parameters, overrides, 'scheduling')
      return {
        name,
        create(random: RandomStream): LocalPolicy {
          const policy = options.create(values as ParameterValues<Parameters>, random)
          // Whoever asked for it says that it is none.
          if (typeof policy !== 'object' || policy === null) return policy
          // Defined on the object itself, so that class instances keep their methods.
          return Object.defineProperty(policy, 'name', {
            value: name,
            enumerable: true,
            configurable: true,
          }) as LocalPolicy
        },
      }
    },
  })
}

function invalid(message: string): RouteSimError<AlgorithmsErrorCode> {
  return new RouteSimError(message, { code: 'policy_invalid' })
}
