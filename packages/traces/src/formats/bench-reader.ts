import { traceError } from '../errors/trace-error.js'
import {
  checkTotalTokens,
  expectedError,
  integer,
  isObject,
  type JsonObject,
} from '../reading/json-fields.js'
import { DocumentReader } from './document-reader.js'

/**
 * The result file of vLLM's `bench serve` (with `--save-detailed`) or of SGLang's `bench_serving` (with
 * `--output-details`): `input_lens` and `output_lens`. Arrivals are its `start_times` (s); without them
 * requests are even at its `request_rate`, or all at 0 when that is infinite. Requests that failed have an
 * output of 0 tokens, whatever was asked for (vllm/benchmarks/serve.py, sglang/bench_serving.py), and are
 * ignored; arrivals count from the first of the others. One run per file.
 */
export class BenchReader extends DocumentReader {
  private runs = 0

  protected document(value: unknown, where: string): void {
    this.collector.attempt(where, () => {
      if (!isObject(value)) throw expectedError('result', 'an object', value)
      if (++this.runs > 1) {
        throw traceError('trace_invalid', 'expected one run, got another after it', {
          hint: 'Keep the line of the run you want in a file of its own.',
        })
      }
      const prompts = lengths(value, 'input_lens', 1)
      const outputs = lengths(value, 'output_lens', 0)
      if (prompts.length !== outputs.length) {
        throw expectedError('output_lens', `${prompts.length} lengths`, outputs.length)
      }
      const arrivals = arrivalsOf(value, prompts.length)
      for (const [i, promptTokens] of prompts.entries()) checkTotalTokens(promptTokens, outputs[i]!)
      const firstMs = arrivals.reduce(
        (least, arrivalMs, i) => (outputs[i] === 0 ? least : Math.min(least, arrivalMs)),
        Number.POSITIVE_INFINITY,
      )
      prompts.forEach((promptTokens, i) => {
        const outputTokens = outputs[i]!
        if (outputTokens === 0) this.collector.ignored++
        else this.collector.add({ arrivalMs: arrivals[i]! - firstMs, promptTokens, outputTokens })
      })
    })
  }
}

function lengths(result: JsonObject, name: string, minimum: number): number[] {
  const value = result[name]
  if (Array.isArray(value)) return value.map((length) => integer(name, length, minimum))
  throw traceError('trace_invalid', `${name}: expected an array of lengths, got none`, {
    hint: 'Save details: vLLM --save-detailed, SGLang --output-details.',
  })
}

function arrivalsOf(result: JsonObject, count: number): readonly number[] {
  const starts = result['start_times'] ?? undefined
  if (starts !== undefined) {
    if (!Array.isArray(starts) || starts.length !== count) {
      throw expectedError('start_times', `${count} times`, starts)
    }
    for (const start of starts) {
      if (typeof start !== 'number' || !(start >= 0 && start <= 2 ** 43)) {
        throw expectedError('start_times', 'numbers of seconds', start)
      }
    }
    const first = starts.reduce(
      (least: number, start: number) => Math.min(least, start),
      Number.POSITIVE_INFINITY,
    )
    return starts.map((start: number) => (start - first) * 1000)
  }
  if (result['request_rate'] === 'trace') {
    throw traceError('trace_invalid', 'request_rate: expected a number, got "trace"', {
      hint: 'The file does not say when requests were sent: use the trace that was replayed.',
    })
  }
  const rate = Number(result['request_rate'] ?? Number.POSITIVE_INFINITY)
  if (!(rate > 0)) {
    if (result['request_rate'] === 'inf') return Array.from({ length: count }, () => 0)
    throw expectedError('request_rate', 'a number > 0', result['request_rate'])
  }
  return Array.from({ length: count }, (_, i) => (i / rate) * 1000)
}
