import { type CsvValue, toCsv } from '@routesim/metrics'

/** One line per object; nested fields become columns such as `ttft.p50`. What only some objects have is a column too. */
export function flatCsv(objects: readonly object[]): string {
  const rows = objects.map((object) => flatten(object, ''))
  const columns = Object.fromEntries(columnsOf(rows).map((name) => [name, undefined]))
  return toCsv(rows.map((row) => ({ ...columns, ...row }))).trimEnd()
}

/** Columns of all rows: each where it stands in the first row that has it. */
export function columnsOf(rows: readonly object[]): string[] {
  const columns: string[] = []
  const known = new Set<string>()
  for (const row of rows) {
    let at = 0
    for (const name of Object.keys(row)) {
      if (known.has(name)) at = columns.indexOf(name) + 1
      else {
        known.add(name)
        columns.splice(at++, 0, name)
      }
    }
  }
  return columns
}

/** The fields of an object and of those within, by dotted path. */
export function flatten(value: object, prefix: string): Record<string, CsvValue> {
  const flat: Record<string, CsvValue> = {}
  for (const [key, inner] of Object.entries(value)) {
    const path = `${prefix}${key}`
    if (typeof inner === 'object' && inner !== null) Object.assign(flat, flatten(inner, `${path}.`))
    else flat[path] = inner
  }
  return flat
}
