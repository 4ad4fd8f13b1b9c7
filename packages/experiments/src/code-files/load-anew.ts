import { readFile } from 'node:fs/promises'
import { loaderOptions } from './code-file.js'

/**
 * Loads a file and the files that it imports as they are now, however often they were loaded before. Node keeps what
 * is imported until the process ends; here all of them are compiled for `require`, whose cache can be emptied, so that
 * what was loaded before them is free to go. Packages are loaded once.
 *
 * Where one of the files awaits at its top level, JavaScript modules that they import stay as they were loaded first.
 *
 * @param path - absolute
 */
export async function loadAnew(path: string): Promise<unknown> {
  const { createJiti } = await import('jiti')
  const options = loaderOptions()
  const jiti = createJiti(import.meta.url, options)
  const shared = await Promise.all(
    Object.entries(options.alias ?? {}).map(
      async ([id, file]) => [file, await import(id)] as const,
    ),
  )
  const { cache } = jiti
  const kept = Object.entries(cache)
  const empty = (): void => {
    for (const file of Object.keys(cache)) if (!IN_PACKAGE.test(file)) delete cache[file]
  }
  empty()
  type Cached = (typeof cache)[string]
  for (const [file, exports] of shared) cache[file] = { loaded: true, exports } as Cached
  try {
    return jiti(path)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  } finally {
    empty()
    Object.assign(cache, Object.fromEntries(kept))
  }
  // What awaits can not be required.
  const source = await readFile(path, 'utf8')
  const awaiting = createJiti(import.meta.url, { ...options, moduleCache: false })
  return awaiting.evalModule(source, { filename: path, async: true, forceTranspile: true })
}

const IN_PACKAGE = /[\\/]node_modules[\\/]/
