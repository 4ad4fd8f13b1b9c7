import { extname } from 'node:path'
import { UsageError } from '../usage-error.js'

/** Endings that say what is in a file, or how it is packed. Any other, and none, promise nothing. */
const TELLING: ReadonlySet<string> = new Set(
  'csv tsv json jsonl ndjson parquet html htm md pdf png svg toml xlsx xml yaml yml gz zst'
    .split(' ')
    .map((name) => `.${name}`),
)

export const JSON_LINES: readonly string[] = ['.jsonl', '.ndjson', '.json']

/** What else {@link checkEnding} should know. */
export interface EndingHints {
  /** How to have what the name promises, as a sentence. */
  readonly mend?: string | undefined
  /** Whether `.gz` and `.zst` at the end have it packed. */
  readonly isPacked?: boolean
}

/**
 * @param option - without its dashes
 * @param endings - those of what is written
 * @throws UsageError when the ending of a name promises something else
 */
export function checkEnding(
  option: string,
  path: string,
  endings: readonly string[],
  { mend, isPacked = false }: EndingHints = {},
): void {
  const ending = isPacked ? endingUnpacked(path) : extname(path).toLowerCase()
  if (!TELLING.has(ending) || endings.includes(ending)) return
  const hint = mend === undefined ? '' : `\n${mend}`
  throw new UsageError(
    `--${option}: expected a name that ends in ${orList(endings)}, got "${path}"${hint}`,
  )
}

/** The ending of a name before `.gz` or `.zst`. */
export function endingUnpacked(path: string): string {
  return extname(path.replace(/\.(gz|zst)$/, '')).toLowerCase()
}

/** `a, b or c`. */
export function orList(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), ...words.slice(-1)]
    .filter((each) => each !== '')
    .join(' or ')
}
