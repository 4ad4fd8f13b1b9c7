import { describeLine } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import { checkRepeatedKeys } from '../reading/json-fields.js'
import { withoutPythonNumbers } from '../reading/python-json.js'
import type { RecordCollector } from '../reading/record-collector.js'
import type { LineReader } from './line-reader.js'

/**
 * A format that is JSON documents: one over many lines, which is held in memory whole, or one on each
 * line. Which it is shows in whether the first line is a whole document.
 */
export abstract class DocumentReader implements LineReader {
  protected readonly source: string
  protected readonly collector: RecordCollector
  private isWhole: boolean | undefined
  private readonly held: string[] = []
  private readonly numbers: number[] = []

  constructor(source: string, collector: RecordCollector) {
    this.source = source
    this.collector = collector
  }

  line(text: string, number: number): void {
    this.isWhole ??= parsed(text).failure !== undefined
    if (this.isWhole) {
      this.held.push(text)
      this.numbers.push(number)
    } else this.parse(text, () => number, `${this.source}:${number}`)
  }

  end(): void {
    if (this.held.length > 0)
      this.parse(this.held.join('\n'), (line) => this.numbers[line]!, this.source)
    this.finish()
  }

  /** Takes a document; `where` is its place in messages. */
  protected abstract document(value: unknown, where: string): void

  /** All documents have been taken. */
  protected finish(): void {}

  private parse(text: string, numberAt: (line: number) => number, where: string): void {
    const { value, failure } = parsed(text)
    let isTaken = false
    const at = failure === undefined ? where : `${this.source}:${numberAt(failure.line)}`
    this.collector.attempt(at, () => {
      if (failure !== undefined) {
        throw traceError(
          'trace_invalid',
          failure.rest === ''
            ? 'expected a whole JSON document, got one that is cut off'
            : `expected JSON, got ${describeLine(failure.rest.split('\n')[0]!, (start) => start)}`,
        )
      }
      checkRepeatedKeys(text)
      isTaken = true
    })
    if (isTaken) this.document(value, where)
  }
}

/** Where a text stops being JSON: the line, from 0, and the text from there on. */
interface Failure {
  readonly line: number
  readonly rest: string
}

/** What a text says, or where it stops being JSON. */
function parsed(text: string): { readonly value?: unknown; readonly failure?: Failure } {
  try {
    return { value: JSON.parse(text) }
  } catch {
    const plain = withoutPythonNumbers(text)
    try {
      return { value: JSON.parse(plain) }
    } catch (error) {
      const found = /position (\d+)/.exec((error as Error).message)?.[1]
      const rest = found === undefined ? '' : plain.slice(Number(found)).trimStart()
      const before = plain.slice(0, plain.length - rest.length)
      return { failure: { line: before.split('\n').length - 1, rest } }
    }
  }
}
