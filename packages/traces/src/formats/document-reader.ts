import { shorten } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
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
    this.isWhole ??= parsed(text) === undefined
    if (this.isWhole) {
      this.held.push(text)
      this.numbers.push(number)
    } else this.parse(text, () => number, `${this.source}:${number}`)
  }

  end(): void {
    if (this.held.length > 0)
      this.parse(this.held.join('\n'), (at) => this.numberAt(at), this.source)
    this.finish()
  }

  /** Takes a document; `where` is its place in messages. */
  protected abstract document(value: unknown, where: string): void

  /** All documents have been taken. */
  protected finish(): void {}

  private parse(text: string, numberAt: (position: number) => number, where: string): void {
    let value: unknown
    let isParsed = false
    const found = position(text)
    const at = found === undefined ? where : `${this.source}:${numberAt(found)}`
    this.collector.attempt(at, () => {
      if (found !== undefined) {
        const rest = text.slice(found).trimStart()
        throw traceError(
          'trace_invalid',
          rest === ''
            ? 'expected a whole JSON document, got one that is cut off'
            : `expected JSON, got ${shorten(rest.split('\n')[0]!)}`,
        )
      }
      value = JSON.parse(text)
      isParsed = true
    })
    if (isParsed) this.document(value, where)
  }

  private numberAt(position: number): number {
    let at = 0
    let line = 0
    for (; line < this.held.length - 1; line++) {
      at += this.held[line]!.length + 1
      if (at > position) break
    }
    return this.numbers[line]!
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Where a text stops being JSON, `undefined` when it is. */
function position(text: string): number | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const found = /position (\d+)/.exec((error as Error).message)?.[1]
    return found === undefined ? text.length : Number(found)
  }
}
