import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseRouterSpec, type RouterDefinition, unwrapSpec } from '@routesim/algorithms'
import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import type { SingleChoice } from '../run/resolve-algorithms.js'

/**
 * What `-a` of the command names: a built-in algorithm, or a file that exports a router made with
 * `defineRouter`. TypeScript files need no build. In them `@routesim/algorithms` and `@routesim/core`
 * are those of this package, so that a single file works without a project around it.
 *
 * @throws RouteSimError `router_file` when the file is missing, faulty, or exports no router
 *
 * @example
 * const mine = await loadAlgorithm('./my-router.ts:alpha=2')
 */
export async function loadAlgorithm(spec: string): Promise<SingleChoice> {
  const { router, around } = unwrapSpec(spec)
  const { name, parameters } = parseRouterSpec(router)
  if (!/\.[cm]?[jt]s$/.test(name)) return spec
  const file = resolve(name)
  const definition = await loadRouterFile(file, name)
  return { definition, parameters, label: spec.replace(name, definition.name), file, around }
}

/**
 * The router that a file exports.
 * @param name - what error messages call the file
 * @throws RouteSimError `router_file`
 */
export async function loadRouterFile(path: string, name: string): Promise<RouterDefinition> {
  return definitionIn(await importFile(path, name), name)
}

async function importFile(path: string, name: string): Promise<unknown> {
  try {
    await access(path)
  } catch (cause) {
    throw routerFileError(`${name}: no such file`, { path, cause })
  }
  const alias = Object.fromEntries(
    ['@routesim/algorithms', '@routesim/core'].map((id) => [
      id,
      fileURLToPath(import.meta.resolve(id)),
    ]),
  )
  // Only who brings a file of their own pays for the loader.
  const { createJiti } = await import('jiti')
  try {
    return await createJiti(import.meta.url, { alias, moduleCache: true }).import(path)
  } catch (cause) {
    throw routerFileError(`${name}: can not be loaded: ${reason(cause)}`, { path, cause })
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
  throw routerFileError(
    `${name}: expected one exported router made with defineRouter, got ${found.size}`,
    {
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

function routerFileError(
  message: string,
  details: { path?: string; hint?: string; cause?: unknown },
): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(message, { code: 'router_file', ...details })
}
