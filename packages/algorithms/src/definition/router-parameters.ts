import { closestName, RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'

/** A number a router can be tuned with. */
export interface NumberParameter {
  readonly default: number
  readonly description: string
  /** Smallest value allowed, inclusive. */
  readonly min?: number
  /** Largest value allowed, inclusive. */
  readonly max?: number
  /** Whether only whole numbers are allowed. */
  readonly integer?: boolean
}

/** A string a router can be tuned with: any, or one of `choices`. */
export interface StringParameter<Choice extends string = string> {
  readonly default: Choice
  readonly description: string
  readonly choices?: readonly Choice[]
}

/** A switch of a router. */
export interface BooleanParameter {
  readonly default: boolean
  readonly description: string
}

/** One parameter of a router: its default, what it means, and what is allowed. */
export type RouterParameter = NumberParameter | StringParameter | BooleanParameter

/** The parameters of a router by name. */
export type RouterParameters = Readonly<Record<string, RouterParameter>>

/** The values that a router's `create` receives: strings with `choices` are unions of these. */
export type ParameterValues<Parameters extends RouterParameters> = {
  readonly [Name in keyof Parameters]: Parameters[Name] extends {
    readonly choices: readonly (infer Choice)[]
  }
    ? Choice
    : Parameters[Name]['default'] extends number
      ? number
      : Parameters[Name]['default'] extends boolean
        ? boolean
        : string
}

/**
 * The defaults, with valid overrides in their place. An override of `undefined` is none.
 * @param table - what complaints call the place where parameters stand
 */
export function resolveParameters(
  router: string,
  parameters: RouterParameters,
  overrides: Readonly<Record<string, unknown>>,
  table = 'algorithms',
): Readonly<Record<string, number | string | boolean>> {
  for (const name of Object.keys(overrides)) {
    if (!Object.hasOwn(parameters, name)) throw unknownParameter(table, router, name, parameters)
  }
  const values: Record<string, number | string | boolean> = {}
  for (const [name, parameter] of Object.entries(parameters)) {
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined
    const value = override === undefined ? parameter.default : override
    if (!isAllowed(value, parameter)) {
      const path = `${table}.${router}.${name}`
      const message = `${path}: expected ${describe(parameter)}, got ${format(value)}`
      throw new RouteSimError<AlgorithmsErrorCode>(message, { code: 'parameter_invalid', path })
    }
    values[name] = value
  }
  return Object.freeze(values)
}

function unknownParameter(
  table: string,
  router: string,
  name: string,
  parameters: RouterParameters,
): RouteSimError<AlgorithmsErrorCode> {
  const names = Object.keys(parameters)
  const path = `${table}.${router}.${name}`
  const expected =
    names.length === 0 ? `${router} has no parameters` : `expected one of ${names.join(', ')}`
  const suggestion = closestName(name, names)
  return new RouteSimError(`${path}: unknown parameter, ${expected}`, {
    code: 'parameter_unknown',
    path,
    ...(suggestion === undefined ? {} : { hint: `Did you mean "${suggestion}"?` }),
  })
}

function isAllowed(value: unknown, parameter: RouterParameter): value is number | string | boolean {
  if (typeof value !== typeof parameter.default) return false
  if (typeof value === 'number') {
    const { min = -Infinity, max = Infinity, integer = false } = parameter as NumberParameter
    // NaN is neither finite nor an integer, so it never passes.
    return (
      (integer ? Number.isInteger(value) : Number.isFinite(value)) && value >= min && value <= max
    )
  }
  const { choices } = parameter as StringParameter
  return choices === undefined || choices.includes(value as string)
}

function describe(parameter: RouterParameter): string {
  if (typeof parameter.default === 'boolean') return 'true or false'
  if (typeof parameter.default === 'string') {
    const { choices } = parameter as StringParameter
    return choices === undefined ? 'a string' : `one of ${choices.join(', ')}`
  }
  const { min, max, integer = false } = parameter as NumberParameter
  const noun = integer ? 'an integer' : 'a number'
  if (min !== undefined && max !== undefined) return `${noun} from ${min} to ${max}`
  if (min !== undefined) return `${noun} >= ${min}`
  if (max !== undefined) return `${noun} <= ${max}`
  return noun
}

function format(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}
