import { existsSync, statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { parseRouterSpec, type RouterDefinition, unwrapSpec } from '@routesim/algorithms'
import { RouteSimError, type RoutingAlgorithm, thrownBy } from '@routesim/core'
import {
  type CodeFileKind,
  codeFileFaulty,
  codeFileMissing,
  isCodeFile,
  loaderOptions,
  soleDefinition,
} from '../code-files/code-file.js'
import { loadAnew } from '../code-files/load-anew.js'
import type { ExperimentsErrorCode } from '../errors.js'
import type { SingleChoice } from '../run/resolve-algorithms.js'

const ROUTER_FILE: CodeFileKind<RouterDefinition> = {
  code: 'router_file',
  exports: 'router made with defineRouter',
  hint: 'Write: export default defineRouter({ name, description, create: () => ({ route(request, cluster) { ... } }) })',
  isDefinition,
}

/** How {@link loadAlgorithm} loads a file. */
export interface LoadAlgorithmOptions {
  /** Whether it and the files that it imports are loaded as they are now, even if they were before; default false. */
  readonly isAnew?: boolean
}

/**
 * What `-a` of the command names: a built-in algorithm, or a file that exports a router made with
 * `defineRouter`. TypeScript files need no build. In them `@routesim/algorithms` and `@routesim/core`
 * are those of this package, so that a single file works without a project around it.
 *
 * @throws RouteSimError `router_file` when the file is missing, faulty, no code, or exports no router
 *
 * @example
 * const mine = await loadAlgorithm('./my-router.ts:alpha=2')
 */
export async function loadAlgorithm(
  spec: string,
  options: LoadAlgorithmOptions = {},
): Promise<SingleChoice> {
  const { router, around } = unwrapSpec(spec)
  const { name, parameters } = parseRouterSpec(router)
  if (!isCodeFile(name)) {
    if (IS_PATH.test(name)) throw noCodeFile(name)
    return spec
  }
  const file = resolve(name)
  const definition = await loadRouterFile(file, name, options)
  return { definition, parameters, label: spec.replace(name, definition.name), file, around }
}

/** No name has any of these. */
const IS_PATH = /[\\/.]/

function noCodeFile(name: string): RouteSimError<ExperimentsErrorCode> {
  const found = statSync(name, { throwIfNoEntry: false })
  if (found === undefined) return codeFileMissing(name, ROUTER_FILE)
  const expected = 'expected a file of TypeScript or JavaScript, such as router.ts'
  const got = found.isDirectory() ? 'a directory' : `one that ends in "${extname(name)}"`
  return new RouteSimError(`${name}: ${expected}, got ${got}`, { code: 'router_file', path: name })
}

/**
 * The router that a file exports.
 * @param name - what error messages call the file
 * @throws RouteSimError `router_file`
 */
export async function loadRouterFile(
  path: string,
  name: string,
  { isAnew = false }: LoadAlgorithmOptions = {},
): Promise<RouterDefinition> {
  if (!existsSync(path)) throw codeFileMissing(name, ROUTER_FILE)
  let module: unknown
  try {
    module = await (isAnew ? loadAnew(path) : loadOnce(path))
  } catch (cause) {
    throw codeFileFaulty(name, ROUTER_FILE, cause)
  }
  return completed(soleDefinition(module, name, ROUTER_FILE), name)
}

async function loadOnce(path: string): Promise<unknown> {
  // Only who brings a file of their own pays for the loader.
  const { createJiti } = await import('jiti')
  return createJiti(import.meta.url, loaderOptions()).import(path)
}

/** A definition that may have been written without `defineRouter`: its routers get what that would have given them. */
function completed(definition: RouterDefinition, file: string): RouterDefinition {
  return Object.freeze({
    ...{ description: '', presets: {}, manifest: {} },
    ...definition,
    create(overrides?: Readonly<Record<string, unknown>>): RoutingAlgorithm {
      const router = createdBy(definition, overrides)
      if (typeof router?.route !== 'function') throw noRouter(file, router)
      return router.name === undefined ? Object.assign(router, { name: definition.name }) : router
    },
  })
}

function createdBy(
  definition: RouterDefinition,
  overrides: Readonly<Record<string, unknown>> | undefined,
): RoutingAlgorithm {
  try {
    return definition.create(overrides)
  } catch (cause) {
    // defineRouter has told whose it is.
    if (cause instanceof RouteSimError) throw cause
    throw thrownBy({ kind: 'router', name: definition.name }, 'create()', cause)
  }
}

function noRouter(file: string, found: unknown): RouteSimError<ExperimentsErrorCode> {
  const expected = 'expected create() to return an object with a route function'
  const got = typeof found === 'object' && found !== null ? 'one without' : String(found)
  return new RouteSimError(`${file}: ${expected}, got ${got}`, {
    ...{ code: 'router_file', path: file, hint: ROUTER_FILE.hint },
  })
}

function isDefinition(value: unknown): value is RouterDefinition {
  if (typeof value !== 'object' || value === null) return false
  const { name, parameters, create } = value as Partial<RouterDefinition>
  const isMade = typeof parameters === 'object' && parameters !== null
  return typeof name === 'string' && isMade && typeof create === 'function'
}
