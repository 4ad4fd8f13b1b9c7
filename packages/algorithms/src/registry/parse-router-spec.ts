import { RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'

/** A router as written on a command line: its name or file, and parameters that are yet unchecked. */
export interface RouterSpec {
  /** With `_` for `-`, unless it is a path. */
  readonly name: string
  readonly parameters: Readonly<Record<string, number | string | boolean>>
  /** The router in brackets after the name of a combinator, as it is written. */
  readonly inner?: string
}

/**
 * Reads `name`, `name@preset` or either with `:parameter=value,...`; the name may also be the path or URL
 * of a file, which has no `@`: write `:preset=...`. Values become numbers or booleans where they look like
 * it. A preset becomes the parameter `preset`. A combinator has its router in brackets after the name:
 * `gate(prefix-aware@preset):queue_limit=3`.
 *
 * @throws RouteSimError `router_spec_invalid`
 * @example
 * parseRouterSpec('prefix-aware:cache_weight=0.8,ties=first')
 * // => { name: 'prefix_aware', parameters: { cache_weight: 0.8, ties: 'first' } }
 */
export function parseRouterSpec(spec: string): RouterSpec {
  const wrapped = /^\s*([\w-]+)\s*\(/.exec(spec)
  if (wrapped !== null) return parseWrapped(spec, wrapped[1]!, wrapped[0].length)
  // A colon before a slash belongs to the path: C:\router.ts, file:///router.ts.
  const colon = spec.search(/:(?![\\/])/)
  const name = (colon === -1 ? spec : spec.slice(0, colon)).trim()
  if (name === '') throw invalid(spec, 'expected the name of a router, got none')
  const parameters = new Map<string, number | string | boolean>()
  const isPath = /[\\/.]/.test(name)
  const at = isPath ? -1 : name.indexOf('@')
  if (at !== -1) {
    const preset = name.slice(at + 1).trim()
    if (at === 0 || preset === '') throw invalid(spec, 'expected name@preset')
    parameters.set('preset', preset.replaceAll('-', '_'))
  }
  if (colon !== -1) {
    for (const item of spec.slice(colon + 1).split(',')) {
      const [parameter, value] = parseItem(spec, item)
      if (parameters.has(parameter)) throw invalid(spec, `parameter ${parameter} is given twice`)
      parameters.set(parameter, value)
    }
  }
  return {
    name: isPath ? name : (at === -1 ? name : name.slice(0, at)).trim().replaceAll('-', '_'),
    parameters: Object.fromEntries(parameters),
  }
}

/** @param from - where the text in brackets begins */
function parseWrapped(spec: string, name: string, from: number): RouterSpec {
  let open = 1
  let end = from
  for (; end < spec.length && open > 0; end++) {
    if (spec[end] === '(') open++
    if (spec[end] === ')') open--
  }
  const inner = spec.slice(from, end - 1).trim()
  if (open > 0 || inner === '') throw invalid(spec, 'expected name(router)')
  const rest = spec.slice(end).trim()
  if (rest !== '' && !/^[@:]/.test(rest)) {
    throw invalid(spec, `expected @preset or :parameter=value after the bracket, got ${rest}`)
  }
  return { ...parseRouterSpec(name + rest), inner }
}

function parseItem(spec: string, item: string): [string, number | string | boolean] {
  const equals = item.indexOf('=')
  const parameter = item.slice(0, equals).trim()
  const value = item.slice(equals + 1).trim()
  if (equals === -1 || parameter === '' || value === '') {
    throw invalid(spec, `expected parameter=value, got ${JSON.stringify(item)}`)
  }
  return [parameter, parseValue(value)]
}

function parseValue(text: string): number | string | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  const number = Number(text)
  return Number.isFinite(number) ? number : text
}

function invalid(spec: string, problem: string): RouteSimError<AlgorithmsErrorCode> {
  return new RouteSimError(`router ${JSON.stringify(spec)}: ${problem}`, {
    code: 'router_spec_invalid',
    hint: 'Write it as name, name@preset, or name:parameter=value,parameter=value.',
  })
}
