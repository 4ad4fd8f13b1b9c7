import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import type { LocalPolicyDefinition } from '@routesim/algorithms'
import {
  type CodeFileKind,
  codeFileFaulty,
  codeFileMissing,
  loaderOptions,
  soleDefinition,
} from '../code-files/code-file.js'

const POLICY_FILE: CodeFileKind<LocalPolicyDefinition> = {
  code: 'policy_file',
  exports: 'local policy made with defineLocalPolicy',
  hint: 'Write: export default defineLocalPolicy({ name, description, create: () => ({ rank: (request) => request.promptTokens }) })',
  isDefinition,
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
  if (!existsSync(absolute)) throw codeFileMissing(path, POLICY_FILE)
  // Only who brings a file of their own pays for the loader.
  const { createJiti } = createRequire(import.meta.url)('jiti') as typeof import('jiti')
  let module: unknown
  try {
    module = createJiti(import.meta.url, { ...loaderOptions(), interopDefault: false })(absolute)
  } catch (cause) {
    throw codeFileFaulty(path, POLICY_FILE, cause)
  }
  return soleDefinition(module, path, POLICY_FILE)
}

function isDefinition(value: unknown): value is LocalPolicyDefinition {
  if (typeof value !== 'object' || value === null) return false
  const { name, parameters, configure } = value as Partial<LocalPolicyDefinition>
  return (
    typeof name === 'string' && typeof parameters === 'object' && typeof configure === 'function'
  )
}
