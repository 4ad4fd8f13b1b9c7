/** Results as JSON: indented, except for the long columns of details, which no one reads. */
export function resultJson(results: object): string {
  const columns: string[] = []
  const text = JSON.stringify(
    results,
    (key, value: unknown) => {
      if (key !== 'detail' || typeof value !== 'object') return value
      columns.push(JSON.stringify(value))
      return `\u0000${columns.length - 1}`
    },
    2,
  )
  return text.replace(/"\\u0000(\d+)"/g, (_, index: string) => columns[Number(index)]!)
}
