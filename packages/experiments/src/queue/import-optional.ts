import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * A package that whoever needs it installs: that beside this package, else that which the working directory has, as
 * with npx and global installs. The same stands in every package with such: they share none that knows of files.
 *
 * @param load - imports it from here
 * @param name - of the package
 * @param folder - the working directory
 * @throws what `load` threw when it is in neither place
 */
export async function importOptional<T>(
  load: () => Promise<T>,
  name: string,
  folder: string = process.cwd(),
): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    let path: string
    try {
      path = createRequire(join(folder, 'any.js')).resolve(name)
    } catch {
      throw cause
    }
    return (await import(pathToFileURL(path).href)) as T
  }
}
