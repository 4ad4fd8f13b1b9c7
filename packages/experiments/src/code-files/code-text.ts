import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Specifiers of `import`, `export ... from` and `require` that are relative paths. */
const RELATIVE = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*(['"])(\.{1,2}\/[^'"\n]*)\1/g

/** Endings that a specifier may leave out. */
const ENDINGS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json']

/**
 * The text of a file of code and of the files that it imports by relative paths, and they by theirs: all
 * that a reader of the code would look at. What is not found and what packages bring is left out.
 * @throws when the file itself can not be read
 */
export function codeText(path: string): string {
  const seen = new Set([path])
  const texts = [readFileSync(path, 'utf8')]
  const add = (from: string, text: string): void => {
    for (const [, , specifier] of text.matchAll(RELATIVE)) {
      const found = firstOf(candidates(resolve(dirname(from), specifier!)))
      if (found === undefined || seen.has(found.path)) continue
      seen.add(found.path)
      texts.push(found.text)
      add(found.path, found.text)
    }
  }
  add(path, texts[0]!)
  return texts.join('\0')
}

/** Where a loader looks for a specifier: TypeScript may be named as the JavaScript that comes of it. */
function candidates(path: string): string[] {
  const asSource = path.replace(/\.([cm]?)js$/, '.$1ts')
  const inFolder = ENDINGS.map((ending) => resolve(path, `index${ending}`))
  return [path, asSource, ...ENDINGS.map((ending) => path + ending), ...inFolder]
}

function firstOf(paths: readonly string[]): { path: string; text: string } | undefined {
  for (const path of paths) {
    try {
      return { path, text: readFileSync(path, 'utf8') }
    } catch {}
  }
  return undefined
}
