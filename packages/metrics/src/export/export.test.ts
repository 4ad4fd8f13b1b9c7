import { expect, test } from 'vitest'
import { runResult } from '../testing/run-result.js'
import { requestRows } from './request-rows.js'
import { toCsv } from './to-csv.js'

const run = runResult(
  [
    {
      arrivalMs: 5,
      outputTokens: 3,
      admittedMs: 7,
      firstTokenMs: 17,
      finishedMs: 47,
      cachedTokens: 64,
      prefillBackend: 1,
    },
    { arrivalMs: 6, rejectReason: 'no, "thanks"' },
  ],
  [{}, {}],
  { warmupRequests: 1 },
)

test('rows say what became of each request, warm-up included', () => {
  expect([...requestRows(run)]).toEqual([
    {
      id: 0,
      measured: false,
      arrival_ms: 5,
      prompt_tokens: 100,
      output_tokens: 3,
      backend: 0,
      prefill_backend: 1,
      outcome: 'completed',
      reject_reason: null,
      queue_wait_ms: 2,
      ttft_ms: 12,
      e2e_ms: 42,
      tpot_ms: 15,
      cached_tokens: 64,
      preemptions: 0,
      retries: 0,
    },
    {
      id: 1,
      measured: true,
      arrival_ms: 6,
      prompt_tokens: 100,
      output_tokens: 10,
      backend: null,
      prefill_backend: null,
      outcome: 'rejected',
      reject_reason: 'no, "thanks"',
      queue_wait_ms: null,
      ttft_ms: null,
      e2e_ms: null,
      tpot_ms: null,
      cached_tokens: 0,
      preemptions: 0,
      retries: 0,
    },
  ])
})

test('CSV has a header, CRLF ends and quotes where RFC 4180 wants them', () => {
  const [header, first, second, rest] = toCsv(requestRows(run)).split('\r\n')
  expect(header).toBe(
    'id,measured,arrival_ms,prompt_tokens,output_tokens,backend,prefill_backend,outcome,' +
      'reject_reason,queue_wait_ms,ttft_ms,e2e_ms,tpot_ms,cached_tokens,preemptions,retries',
  )
  expect(first).toBe('0,false,5,100,3,0,1,completed,,2,12,42,15,64,0,0')
  expect(second).toBe('1,true,6,100,10,,,rejected,"no, ""thanks""",,,,,0,0,0')
  expect(rest).toBe('')
})

test('line breaks are quoted, in headers too', () => {
  expect(toCsv([{ 'a,b': 'x\ny' }])).toBe('"a,b"\r\n"x\ny"\r\n')
})

test('no rows are an empty text', () => {
  expect(toCsv([])).toBe('')
})
