import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LocalPolicyDefinition } from '@routesim/algorithms'
import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'

/** Whether a local policy is given by the path of a file and not by name. */
export function isPolicyFile(name: string): boolean {
  return /\.[cm]?[jt]s$/.test(name)
}

/**
 * The local policy that a file exports, made with `defineLocalPolicy`. TypeScript needs no build, and
 * `@routesim/algorithms` and `@routesim/core` are those of this package. The file can not wait for anything while it
 * is loaded.
 *
 * @param path - relative to the working directory
 * @throws RouteSimError `policy_file` when the file is missing, faulty, or exports no local policy
 */
export function loadPolicyFile(path: string): LocalPolicyDefinition {
  const absolute = resolve(path)
  if (!existsSync(absolute)) throw policyFileError(`${path}: no such file`, { path })
  const alias = Object.fromEntries(
    ['@routesim/algorithms', '@routesim/core'].map((id) => [
      id,
      fileURLToPath(import.meta.resolve(id)),
    ]),
  )
  // Only who brings a file of their own pays for the loader.
  const { createJiti } = createRequire(import.meta.url)('jiti') as typeof import('jiti')
  let module: unknown
  try {
    module = createJiti(import.meta.url, { alias, moduleCache: true, interopDefault: false })(
      absolute,
    )
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const text = why.replace(/^ParseError: /, '').trimEnd()
    throw policyFileError(`${path}: can not be loaded: ${text}`, { path, cause })
  }
  return definitionIn(module, path)
}

function definitionIn(module: unknown, path: string): LocalPolicyDefinition {
  const exported = typeof module === 'object' && module !== null ? Object.values(module) : []
  const found = new Set(exported.filter(isDefinition))
  const [definition] = found
  if (definition !== undefined && found.size === 1) return definition
  throw policyFileError(
    `${path}: expected one exported local policy made with defineLocalPolicy, got ${found.size}`,
    {
      path,
      hint: 'Write: export default defineLocalPolicy({ name, description, create: () => ({ rank: (request) => request.promptTokens }) })',
    },
  )
}

function isDefinition(value: unknown): value is LocalPolicyDefinition {
  if (typeof value !== 'object' || value === null) return false
  const { name, parameters, configure } = value as Partial<LocalPolicyDefinition>
  return (
    typeof name === 'string' && typeof parameters === 'object' && typeof configure === 'function'
  )
}

function policyFileError(
  message: string,
  details: { path: string; hint?: string; cause?: unknown },
): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(message, { code: 'policy_file', ...details })
}
