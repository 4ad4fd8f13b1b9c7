import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'

/** What was chosen with an algorithm, or with a combinator around it. */
interface Chosen {
  readonly definition: { readonly name: string }
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Makes what may refuse parameters; those that were not chosen with the algorithm are of the config, and so is
 * the error then.
 *
 * @throws RouteSimError `config_invalid`, or what was thrown
 */
export function blamingConfig<T>(chosen: readonly Chosen[], make: () => T): T {
  try {
    return make()
  } catch (error) {
    const isOfParameter = error instanceof RouteSimError && /^parameter_/.test(error.code)
    if (!isOfParameter || error.path === undefined) throw error
    const [, name, parameter = ''] = error.path.split('.')
    const isChosen = chosen.some(
      ({ definition, parameters = {} }) =>
        definition.name === name && Object.hasOwn(parameters, parameter),
    )
    if (isChosen) throw error
    const { message, path, hint } = error
    throw new RouteSimError<ExperimentsErrorCode>(message, {
      ...{ code: 'config_invalid', path, cause: error },
      ...(hint !== undefined && { hint }),
    })
  }
}
