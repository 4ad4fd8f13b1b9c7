import { closestName, RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import {
  type ParameterValues,
  type RouterParameters,
  resolveParameters,
} from './router-parameters.js'

/** What a router looks at to decide. */
export type RouterObservation =
  | 'own requests'
  | 'queue lengths'
  | 'kv usage'
  | 'kv cache contents'
  | 'adapters'
  | 'prompt content'
  | 'session'
  | 'time'

/** Parameters under a name: those of a stack as it is shipped, or of a published set-up. */
export interface RouterPreset<Parameters extends RouterParameters = RouterParameters> {
  /** One sentence: what it stands for, and what of it is unknown. */
  readonly description: string
  /** The stack, its version and commit, or the publication; none for a set-up of one's own. */
  readonly mirrors?: string
  /** What differs from the defaults. */
  readonly parameters: Partial<ParameterValues<Parameters>>
}

/** What can be said of a router besides its parameters; all of it is optional. */
export interface RouterManifest {
  /** What it looks at; nothing by default. */
  readonly observes?: readonly RouterObservation[]
  /** How it decides, in a few sentences. */
  readonly rule?: string
  /** What the terms of its scores are, by the names under which it notes them. */
  readonly terms?: Readonly<Record<string, string>>
  /** When it does better than others, as one sentence. */
  readonly wins?: string
  /** When it does worse, as one sentence. */
  readonly loses?: string
  /** Where the rule is from: a publication, or a repository with path and commit. */
  readonly source?: string
}

/** Whether a router, a policy or a preset may be called so: lower case letters, digits and `_`. */
export function isName(name: unknown): boolean {
  return typeof name === 'string' && /^[a-z][a-z0-9_]*$/.test(name)
}

/** What is said in a manifest, without the rest of `options`. */
export function manifestOf(options: RouterManifest): RouterManifest {
  const { observes, rule, terms, wins, loses, source } = options
  return Object.freeze({
    ...(observes && { observes }),
    ...(rule !== undefined && { rule }),
    ...(terms && { terms }),
    ...(wins !== undefined && { wins }),
    ...(loses !== undefined && { loses }),
    ...(source !== undefined && { source }),
  })
}

/** What the definition of a router and that of a combinator have in common. */
export interface Declaration {
  readonly name: string
  readonly description: string
  readonly parameters: RouterParameters
  readonly presets: RouterPresets
  readonly manifest: RouterManifest
}

/**
 * Checks what is declared of a router or a combinator.
 *
 * @param kind - what messages call it
 * @throws RouteSimError `router_invalid` or `parameter_invalid`
 */
export function declarationOf(
  kind: string,
  options: RouterManifest & {
    readonly name: string
    readonly description: string
    readonly parameters?: RouterParameters
    readonly presets?: object
  },
): Declaration {
  const { name, description } = options
  if (!isName(name)) {
    throw new RouteSimError<AlgorithmsErrorCode>(
      `${kind} name: expected lower case letters, digits and _, beginning with a letter, got ${JSON.stringify(name) ?? 'none'}`,
      { code: 'router_invalid' },
    )
  }
  const parameters: RouterParameters = Object.freeze({ ...options.parameters })
  for (const [key, parameter] of Object.entries(parameters)) {
    if (isObject(parameter) && parameter['default'] !== undefined) continue
    throw misplaced(
      `algorithms.${name}.${key}`,
      'a parameter with its default',
      parameter,
      'Say both, as in { default: 5, description: "..." }.',
    )
  }
  resolveParameters(name, parameters, {})
  const presets: RouterPresets = Object.freeze({ ...options.presets } as RouterPresets)
  checkPresets(name, parameters, presets)
  return { name, description, parameters, presets, manifest: manifestOf(options) }
}

/** The presets of a router by name. */
export type RouterPresets<Parameters extends RouterParameters = RouterParameters> = Readonly<
  Record<string, RouterPreset<Parameters>>
>

/**
 * Overrides with the parameters of the preset they name in the place of `preset`.
 *
 * @throws RouteSimError `parameter_invalid` when there is no such preset
 */
export function withPreset(
  router: string,
  presets: RouterPresets,
  overrides: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(presets)
  if (names.length === 0 || !Object.hasOwn(overrides, 'preset')) return overrides
  const { preset, ...others } = overrides
  if (preset === undefined) return others
  const name = String(preset).replaceAll('-', '_')
  if (typeof preset === 'string' && Object.hasOwn(presets, name)) {
    return { ...presets[name]!.parameters, ...others }
  }
  const path = `algorithms.${router}.preset`
  const suggestion = closestName(name, names)
  throw new RouteSimError<AlgorithmsErrorCode>(
    `${path}: expected one of ${names.join(', ')}, got ${JSON.stringify(preset)}`,
    {
      code: 'parameter_invalid',
      path,
      ...(suggestion === undefined ? {} : { hint: `Did you mean "${suggestion}"?` }),
    },
  )
}

/** @throws RouteSimError when a preset does not fit the parameters, or a name is malformed */
export function checkPresets(
  router: string,
  parameters: RouterParameters,
  presets: RouterPresets,
): void {
  for (const [name, preset] of Object.entries(presets)) {
    if (!isName(name) || Object.hasOwn(parameters, 'preset')) {
      throw new RouteSimError<AlgorithmsErrorCode>(
        `algorithms.${router}: expected presets of lower case letters, digits and _, and no parameter called preset, got ${JSON.stringify(name)}`,
        { code: 'router_invalid' },
      )
    }
    if (!isObject(preset) || !isObject(preset['parameters'])) {
      const path = `algorithms.${router}.presets.${name}`
      throw misplaced(
        path,
        'a preset with its parameters',
        preset,
        'Put the values under "parameters", as in { description: "...", parameters: { weight: 5 } }.',
      )
    }
    resolveParameters(router, parameters, preset.parameters)
  }
}

/** A value stands where an object with it was expected: a mistake that only a compiler would find otherwise. */
function misplaced(
  path: string,
  expected: string,
  found: unknown,
  hint: string,
): RouteSimError<AlgorithmsErrorCode> {
  return new RouteSimError(`${path}: expected ${expected}, got ${JSON.stringify(found)}`, {
    code: 'router_invalid',
    path,
    hint,
  })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
