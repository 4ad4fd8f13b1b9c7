import { expect, test } from 'vitest'
import { parseMeasurements } from './read-measurements.js'

const COUNT = 8
const indices = Array.from({ length: COUNT }, (_, i) => i)

test('CSV, in seconds or milliseconds, sorted by sending', () => {
  const lines = indices.map((i) => `${COUNT - i},${100 + i},10,0.05,1.2,16`)
  const text = ['arrival_s,input_tokens,output_tokens,ttft_s,e2e_ms,cached_tokens', ...lines].join(
    '\n',
  )
  expect(() => parseMeasurements(text)).toThrow(
    /measurements:2: expected 0 < TTFT <= E2E, got 50 and 1.2/,
  )
  const { format, requests } = parseMeasurements(text.replace('e2e_ms', 'e2e_s'))
  expect(format).toBe('csv')
  expect(requests[0]).toEqual({
    sentMs: 1000,
    promptTokens: 107,
    outputTokens: 10,
    cachedTokens: 16,
    ttftMs: 50,
    e2eMs: 1200,
  })
})

test('a byte order mark, as spreadsheets write it, is no part of the first column', () => {
  const lines = indices.map((i) => `${i},100,10,50,1200`)
  const text = ['\uFEFFsent_ms,input_tokens,output_tokens,ttft_ms,e2e_ms', ...lines].join('\n')
  expect(parseMeasurements(text).requests).toHaveLength(COUNT)
})

test('AIPerf records; failed requests are left out', () => {
  const record = (i: number, error?: string) =>
    JSON.stringify({
      metadata: { request_start_ns: 5_000_000 * i },
      metrics: {
        input_sequence_length: { value: 64, unit: 'tokens' },
        output_sequence_length: { value: 4, unit: 'tokens' },
        time_to_first_token: { value: 20, unit: 'ms' },
        request_latency: { value: 0.05, unit: 's' },
      },
      error,
    })
  const text = [...indices.map((i) => record(i)), record(99, 'timeout')].join('\n')
  const { format, requests, failed } = parseMeasurements(text)
  expect([format, failed]).toEqual(['aiperf', 1])
  expect(requests).toHaveLength(COUNT)
  expect(requests[1]).toMatchObject({ sentMs: 5, promptTokens: 64, ttftMs: 20, e2eMs: 50 })
})

test('AIPerf tells cached tokens where the engine does, and times in any of its units', () => {
  const record = (i: number, unit: string, value: number, cached: object) =>
    JSON.stringify({
      metadata: { request_start_ns: 5_000_000 * i },
      metrics: {
        input_sequence_length: { value: 64, unit: 'tokens' },
        output_sequence_length: { value: 4, unit: 'tokens' },
        time_to_first_token: { value, unit },
        request_latency: { value: 50, unit: 'ms' },
        ...cached,
      },
    })
  const of = (value: number) => ({ usage_prompt_cache_read_tokens: { value, unit: 'tokens' } })
  const lines = [
    record(0, 'ns', 20e6, of(0)),
    record(1, 'us', 20e3, of(48)),
    record(2, 'ms', 20, of(64)),
    record(3, 's', 0.02, {}),
    record(4, 'sec', 0.02, { usage_prompt_cache_read_tokens: null }),
    ...[5, 6, 7].map((i) => record(i, 'ms', 20, of(16))),
  ]
  const { requests, untoldCached } = parseMeasurements(lines.join('\n'))
  for (const { ttftMs } of requests) expect(ttftMs).toBeCloseTo(20, 9)
  expect(requests.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 48, 63, 0, 0, 16, 16, 16])
  expect(untoldCached).toBe(2)
  const odd = [...lines, record(8, 'min', 20, {})].join('\n')
  expect(() => parseMeasurements(odd, 'x.jsonl')).toThrow(
    'x.jsonl:9: metrics.time_to_first_token.unit: expected one of ns, us, µs, ms, s, sec, got "min"',
  )
})

test('vllm bench results; gaps add up to the time after the first token', () => {
  const result = {
    start_times: indices,
    input_lens: indices.map(() => 32),
    output_lens: indices.map(() => 3),
    ttfts: indices.map(() => 0.02),
    itls: indices.map(() => [0.01, 0.03]),
  }
  const { format, requests, untoldCached } = parseMeasurements(JSON.stringify(result))
  expect([format, untoldCached]).toEqual(['vllm-bench', COUNT])
  expect(requests[2]).toMatchObject({ sentMs: 2000, outputTokens: 3, ttftMs: 20 })
  expect(requests[2]!.e2eMs).toBeCloseTo(60, 9)
  const { start_times: _, ...without } = result
  expect(() => parseMeasurements(JSON.stringify(without), 'r.json')).toThrow(
    'r.json: start_times: expected a list with a value per request, got nothing',
  )
})

test('failed requests of vllm bench, which have no output there, are left out and counted', () => {
  const outputs = [0, ...indices.map(() => 2), 0]
  const result = {
    start_times: outputs.map((_, i) => i),
    input_lens: outputs.map(() => 32),
    output_lens: outputs,
    ttfts: outputs.map((tokens) => (tokens === 0 ? 0 : 0.02)),
    itls: outputs.map((tokens) => (tokens === 0 ? [] : [0.01])),
  }
  const { requests, failed } = parseMeasurements(JSON.stringify(result))
  expect([requests.length, failed]).toEqual([COUNT, 2])
  expect(requests[0]!.sentMs).toBe(1000)
})

test('says what is wrong and where', () => {
  expect(() => parseMeasurements('no measurements', 'x.txt')).toThrow(
    'x.txt: expected a table with a line per request, got none',
  )
  expect(() => parseMeasurements('{"ts":0}\n{"ts":1}\n', 'x.jsonl')).toThrow(
    'x.jsonl:1: metadata.request_start_ns: expected a number >= 0, got nothing',
  )
  expect(() => parseMeasurements('{"start_times": [', 'x.json')).toThrow('x.json: expected JSON: ')
  expect(() => parseMeasurements('a,b\n1,2', 'x.csv')).toThrow(/x.csv:1: expected a column sent_ms/)
  const header = 'sent_s,input_tokens,output_tokens,ttft_s,e2e_s'
  expect(() => parseMeasurements(`${header}\n0,10,5,oops,1`, 'x.csv')).toThrow(
    'x.csv:2: ttft_s: expected a number >= 0, got "oops"',
  )
  expect(() => parseMeasurements(`${header}\n0,10,5,0.1,1`, 'x.csv')).toThrow(
    'x.csv: expected at least 8 requests, got 1',
  )
  for (const [row, what] of [
    ['0,10.5,5,0.1,1', 'prompt tokens: expected an integer >= 1, got 10.5'],
    ['0,0,5,0.1,1', 'prompt tokens: expected an integer >= 1, got 0'],
    ['0,10,0,0.1,1', 'output tokens: expected an integer >= 1, got 0'],
    ['0,10,5,0,1', 'expected 0 < TTFT <= E2E, got 0 and 1000 ms'],
    [' ,10,5,0.1,1', 'sent_s: expected a number >= 0, got ""'],
    ['0,10,5,Infinity,1', 'ttft_s: expected a number >= 0, got "Infinity"'],
  ]) {
    expect(() => parseMeasurements(`${header}\n${row}`, 'x.csv')).toThrow(`x.csv:2: ${what}`)
  }
})

test('an error names the line of the file, whatever lines are empty', () => {
  const header = 'sent_s, input_tokens, output_tokens, ttft_s, e2e_s, cached_tokens'
  const lines = indices.map((i) => `${i}, 10, 5, 0.1, 1, 4`)
  const { requests } = parseMeasurements([header, '', ...lines, '  '].join('\r\n'))
  expect(requests[7]).toMatchObject({ sentMs: 7000, promptTokens: 10, cachedTokens: 4 })
  const half = [header, lines[0], '', '', '1,10,5,0.1,1,1.5'].join('\n')
  expect(() => parseMeasurements(half, 'x.csv')).toThrow(
    'x.csv:5: cached tokens: expected an integer >= 0, got 1.5',
  )
})

test('the last token of a prompt is computed even if all of it is cached', () => {
  const header = 'sent_s,input_tokens,output_tokens,ttft_s,e2e_s,cached_tokens'
  const lines = indices.map((i) => `${i},10,5,0.1,1,${i + 6}`)
  const { requests } = parseMeasurements([header, ...lines].join('\n'))
  expect(requests.map(({ cachedTokens }) => cachedTokens)).toEqual([6, 7, 8, 9, 9, 9, 9, 9])
})
