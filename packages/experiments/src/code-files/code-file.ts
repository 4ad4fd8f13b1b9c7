import { fileURLToPath } from 'node:url'
import { RouteSimError } from '@routesim/core'
import type { JitiOptions } from 'jiti'
import type { ExperimentsErrorCode } from '../errors.js'

/** What people bring as a file of TypeScript or JavaScript: a router, a local policy. */
export interface CodeFileKind<Definition> {
  readonly code: ExperimentsErrorCode
  /** What such a file exports, as in `router made with defineRouter`. */
  readonly exports: string
  /** How to write one. */
  readonly hint: string
  isDefinition(value: unknown): value is Definition
}

const ENDING = /\.[cm]?[jt]s/.source
const ENDS_AS_CODE = new RegExp(`${ENDING}$`)
const BEGINS_WITH_CODE_FILE = new RegExp(`^\\s*(.+?${ENDING})\\s*(?::.*)?$`)

/** Whether what would be a name is the path of a file of code. */
export function isCodeFile(name: string): boolean {
  return ENDS_AS_CODE.test(name)
}

/** The file that a spec such as `./lifo.ts:weight=2` begins with; undefined when it begins with a name. */
export function codeFileOf(spec: string): string | undefined {
  return BEGINS_WITH_CODE_FILE.exec(spec)?.[1]
}

/** How such files are loaded: those of `@routesim` that they import are the ones of this package. */
export function loaderOptions(): JitiOptions {
  const ids = ['@routesim/algorithms', '@routesim/core']
  const alias = Object.fromEntries(ids.map((id) => [id, fileURLToPath(import.meta.resolve(id))]))
  return { alias, moduleCache: true }
}

/**
 * The one definition that a loaded file exports.
 * @param name - what error messages call the file
 * @throws RouteSimError with the code of the kind, when there is none, or several
 */
export function soleDefinition<Definition>(
  module: unknown,
  name: string,
  { code, exports, hint, isDefinition }: CodeFileKind<Definition>,
): Definition {
  const exported = typeof module === 'object' && module !== null ? Object.values(module) : []
  const found = new Set(exported.filter(isDefinition))
  const [definition] = found
  if (definition !== undefined && found.size === 1) return definition
  const message = `${name}: expected one exported ${exports}, got ${found.size}`
  throw new RouteSimError<ExperimentsErrorCode>(message, { code, path: name, hint })
}

/** A file of code that is not there. */
export function codeFileMissing(
  name: string,
  { code }: { readonly code: ExperimentsErrorCode },
): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`${name}: no such file`, { code, path: name })
}

/** What is wrong with a file, without the names of the loader's own errors. */
export function codeFileFaulty(
  name: string,
  { code }: { readonly code: ExperimentsErrorCode },
  cause: unknown,
): RouteSimError<ExperimentsErrorCode> {
  const text = cause instanceof Error ? cause.message : String(cause)
  const why = text.replace(/^ParseError: /, '').trimEnd()
  const hint = cause instanceof RouteSimError ? cause.hint : undefined
  return new RouteSimError(`${name}: can not be loaded: ${why}`, {
    ...{ code, path: name, cause },
    ...(hint !== undefined && { hint }),
  })
}
