import { traceError } from '../errors/trace-error.js'

/**
 * The fields of a line of CSV (RFC 4180, without line ends within quotes).
 * @throws RouteSimError `trace_invalid` when a quote is left open
 */
export function csvFields(line: string): string[] {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line
  if (!text.includes('"')) return text.split(',')
  const fields: string[] = []
  for (let at = 0; at <= text.length; ) {
    if (text[at] !== '"') {
      const comma = text.indexOf(',', at)
      const end = comma === -1 ? text.length : comma
      fields.push(text.slice(at, end))
      at = end + 1
      continue
    }
    let field = ''
    let from = at + 1
    for (;;) {
      const quote = text.indexOf('"', from)
      if (quote === -1) {
        throw traceError('trace_invalid', 'expected a closing quote, got the end of the line')
      }
      field += text.slice(from, quote)
      from = quote + 1
      if (text[from] !== '"') break
      field += '"'
      from++
    }
    if (from < text.length && text[from] !== ',') {
      throw traceError('trace_invalid', `expected a comma after a quoted field, got ${text[from]}`)
    }
    fields.push(field)
    at = from + 1
  }
  return fields
}

/** A field as CSV of lines holds it: a line end within becomes a space. */
export function csvField(value: string | number): string {
  const text = String(value).replace(/[\r\n]+/g, ' ')
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
