import { existsSync } from 'node:fs'
import { join } from 'node:path'

const SCRIPTS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'] as const

/**
 * A router or a local policy as it is written, with the path of `NAME.ts` (or `.js`, ...) in a folder for its name if
 * there is such a file; of names that are built in too the file goes first.
 */
export function policyIn(folder: string | undefined, spec: string): string {
  const [name = '', ...parameters] = spec.split(':')
  const file = fileIn(folder, name, SCRIPTS)
  return file === undefined ? spec : [file, ...parameters].join(':')
}

/** A model, or the path of `NAME.json` in a folder if there is such a file. */
export function modelIn(folder: string | undefined, name: string): string {
  return fileIn(folder, name, ['json']) ?? name
}

function fileIn(
  folder: string | undefined,
  name: string,
  endings: readonly string[],
): string | undefined {
  if (folder === undefined || !/^[\w-][\w.-]*$/.test(name.trim())) return undefined
  const names = [name.trim(), name.trim().replaceAll('-', '_'), name.trim().replaceAll('_', '-')]
  return names
    .flatMap((each) => endings.map((ending) => join(folder, `${each}.${ending}`)))
    .find((path) => existsSync(path))
}
