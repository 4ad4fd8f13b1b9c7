import { type CsvValue, toCsv } from '@routesim/metrics'

/** One line per object; nested fields become columns such as `ttft.p50`. */
export function flatCsv(objects: readonly object[]): string {
  return toCsv(objects.map((object) => flatten(object, ''))).trimEnd()
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
