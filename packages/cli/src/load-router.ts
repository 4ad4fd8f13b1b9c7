import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseRouterSpec, type RouterDefinition } from '@routesim/algorithms'
import { RouteSimError } from '@routesim/core'
import type { AlgorithmChoice } from '@routesim/experiments'
import { createJiti } from 'jiti'
import { UsageError } from './usage-error.js'

/**
 * What `-a` names: a built-in algorithm, or a file that exports a router made with `defineRouter`.
 * TypeScript files need no build. In them `@routesim/algorithms` and `@routesim/core` are those of
 * this command, so that a single file works without a project around it.
 *
 * @throws RouteSimError `router_file` when the file is missing, faulty, or exports no router
 */
export async function loadAlgorithm(spec: string): Promise<AlgorithmChoice> {
  const { name, parameters } = parseRouterSpec(spec)
  if (!/\.[cm]?[jt]s$/.test(name)) return spec
  const path = resolve(name)
  const definition = definitionIn(await importFile(path, name), name)
  return { definition, parameters, label: spec.replace(name, definition.name) }
}

/**
 * Every algorithm of a comma-separated list.
 * @throws UsageError when it names none; RouteSimError as {@link loadAlgorithm} does
 */
export async function loadAlgorithms(list: string, option: string): Promise<AlgorithmChoice[]> {
  const specs = splitAlgorithms(list)
  if (specs.length === 0) {
    throw new UsageError(`${option}: expected at least one name, got "${list}"`)
  }
  return Promise.all(specs.map(loadAlgorithm))
}

/** Splits a list of algorithms at its commas; `a:x=1,y=2,b` is `a:x=1,y=2` and `b`. */
export function splitAlgorithms(list: string): string[] {
  const specs: string[] = []
  for (const piece of list.split(',').map((text) => text.trim())) {
    const last = specs.length - 1
    const isParameter = /^[\w-]+=/.test(piece) && last >= 0 && specs[last]!.includes('=')
    if (isParameter) specs[last] += `,${piece}`
    else if (piece !== '') specs.push(piece)
  }
  return specs
}

async function importFile(path: string, name: string): Promise<unknown> {
  try {
    await access(path)
  } catch (cause) {
    throw new RouteSimError(`${name}: no such file`, { code: 'router_file', path, cause })
  }
  const alias = Object.fromEntries(
    ['@routesim/algorithms', '@routesim/core'].map((id) => [
      id,
      fileURLToPath(import.meta.resolve(id)),
    ]),
  )
  try {
    return await createJiti(import.meta.url, { alias, moduleCache: true }).import(path)
  } catch (cause) {
    throw new RouteSimError(`${name}: can not be loaded: ${reason(cause)}`, {
      code: 'router_file',
      path,
      cause,
    })
  }
}

/** What is wrong with a file, without the names of the loader's own errors. */
function reason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.replace(/^ParseError: /, '').trimEnd()
}

function definitionIn(module: unknown, name: string): RouterDefinition {
  const exported = typeof module === 'object' && module !== null ? Object.values(module) : []
  const found = new Set(exported.filter(isDefinition))
  const [definition] = found
  if (definition !== undefined && found.size === 1) return definition
  throw new RouteSimError(
    `${name}: expected one exported router made with defineRouter, got ${found.size}`,
    {
      code: 'router_file',
      hint: 'Write: export default defineRouter({ name, description, create: () => ({ route(request, cluster) { ... } }) })',
    },
  )
}

function isDefinition(value: unknown): value is RouterDefinition {
  if (typeof value !== 'object' || value === null) return false
  const { name, parameters, create } = value as Partial<RouterDefinition>
  const isMade = typeof parameters === 'object' && parameters !== null
  return typeof name === 'string' && isMade && typeof create === 'function'
}
