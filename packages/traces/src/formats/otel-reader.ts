import type { TraceRecord } from '../columns/trace-record.js'
import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import {
  checkTotalTokens,
  expectedError,
  isObject,
  type JsonObject,
  parseObject,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import type { LineReader } from './line-reader.js'
import { ORIGINAL_PROMPT_TOKENS, OTEL_NAMES, OtelAttributes } from './otel-attributes.js'

const ORIGINAL_OUTPUT_TOKENS = 64

/**
 * OTLP JSON with GenAI attributes: one document per line, or one document over many lines, which is
 * held in memory whole; in one file or several, in any order. Spans without any token count are ignored, and
 * those of agents, which sum up their requests. Arrivals are rebased so that the first is at 0.
 */
export class OtelReader implements LineReader {
  private source: string
  private readonly collector: RecordCollector
  private wholeDocument: string[] | undefined
  private started = false
  /** All start times are kept as offsets from the first one seen: exact for 104 days around it. */
  private firstSeenNs = 0n
  private earliestOffsetNs = 0

  constructor(source: string, collector: RecordCollector) {
    this.source = source
    this.collector = collector
  }

  line(text: string, number: number): void {
    if (!this.started) {
      this.started = true
      if (!text.trimEnd().endsWith('}')) this.wholeDocument = []
    }
    if (this.wholeDocument !== undefined) this.wholeDocument.push(text)
    else this.document(text, `${this.source}:${number}`)
  }

  nextFile(source: string): void {
    if (this.wholeDocument !== undefined) {
      this.document(this.wholeDocument.join('\n'), this.source)
    }
    this.wholeDocument = undefined
    this.started = false
    this.source = source
  }

  end(): void {
    this.nextFile(this.source)
    this.collector.columns.requests.mapArrivals((ns) => (ns - this.earliestOffsetNs) / 1e6)
  }

  private document(text: string, where: string): void {
    let spans: unknown[] = []
    this.collector.attempt(where, () => {
      spans = [...spansOf(parseObject(text))]
    })
    spans.forEach((span, i) => {
      this.collector.attempt(`${where}: span ${i + 1}`, () => this.span(span))
    })
  }

  private span(span: unknown): void {
    if (!isObject(span))
      throw traceError('trace_invalid', `expected an object, got ${describeValue(span)}`)
    const attributes = new OtelAttributes(span['attributes'])
    const promptName = attributes.find(OTEL_NAMES.promptTokens)
    const outputName = attributes.find(OTEL_NAMES.outputTokens)
    if (attributes.isOfAgent || (promptName === undefined && outputName === undefined)) {
      this.collector.ignored++
      return
    }
    const record: TraceRecord = {
      arrivalMs: 0,
      promptTokens: attributes.integer(promptName ?? OTEL_NAMES.promptTokens[0], 1),
      outputTokens: outputTokens(attributes, promptName, outputName),
    }
    checkTotalTokens(record.promptTokens, record.outputTokens)
    for (const field of ['session', 'user', 'model', 'prefixHash'] as const) {
      const name = attributes.find(OTEL_NAMES[field])
      if (name !== undefined) record[field] = attributes.string(name)
    }
    for (const field of ['maxTokens', 'prefixTokens'] as const) {
      const name = attributes.find(OTEL_NAMES[field])
      if (name !== undefined) record[field] = attributes.integer(name, 0)
    }
    record.arrivalMs = this.offsetNs(span)
    this.collector.add(record)
  }

  private offsetNs(span: JsonObject): number {
    const start = span['startTimeUnixNano']
    const digits = Number.isInteger(start) ? BigInt(start as number).toString() : start
    if (typeof digits !== 'string' || !/^\d{1,20}$/.test(digits)) {
      throw expectedError('startTimeUnixNano', 'nanoseconds since 1970', start)
    }
    const ns = BigInt(digits)
    if (this.collector.columns.size === 0) this.firstSeenNs = ns
    const offset = Number(ns - this.firstSeenNs)
    this.earliestOffsetNs = Math.min(this.earliestOffsetNs, offset)
    return offset
  }
}

function outputTokens(
  attributes: OtelAttributes,
  promptName: string | undefined,
  outputName: string | undefined,
): number {
  if (outputName !== undefined) return attributes.integer(outputName, 0)
  return promptName !== undefined && ORIGINAL_PROMPT_TOKENS.has(promptName)
    ? ORIGINAL_OUTPUT_TOKENS
    : 0
}

function* spansOf(document: JsonObject): Generator<unknown> {
  for (const resource of arrayOf(document, 'resourceSpans', true)) {
    for (const scope of arrayOf(resource, 'scopeSpans', false)) {
      yield* arrayOf(scope, 'spans', false)
    }
  }
}

/** An array of OTLP; empty ones may be left out below the top. */
function arrayOf(owner: unknown, name: string, required: boolean): readonly unknown[] {
  const value = isObject(owner) ? owner[name] : owner
  if (Array.isArray(value)) return value
  if (value === undefined && !required && isObject(owner)) return []
  throw expectedError(name, 'an array', value)
}
