import { describe, expect, it } from 'vitest'
import { promptSharing } from '../stats/prompt-sharing.js'
import { messageOf, readText } from '../testing/in-memory.js'

type Values = Record<string, string | number>

function span(start: string | number | undefined, values: Values): object {
  const attributes = Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }))
  return { name: 'chat', startTimeUnixNano: start, attributes }
}

function document(...spans: object[]): object {
  return { resourceSpans: [{ scopeSpans: [{ spans }] }] }
}

const usage = { 'gen_ai.usage.input_tokens': 10, 'gen_ai.usage.output_tokens': 4 }

describe('reading OTLP JSON', () => {
  it('reads the current convention, out of order, below a millisecond', async () => {
    const doc = document(
      span('1700000000000250000', {
        ...usage,
        'gen_ai.request.max_tokens': 99,
        'gen_ai.request.model': 'm',
        'gen_ai.conversation.id': 'c',
      }),
      span('1700000000000000000', usage),
      { name: 'db', attributes: [] },
    )
    for (const text of [JSON.stringify(doc), JSON.stringify(doc, null, 2)]) {
      const { table, format, ignored } = await readText(text)
      expect(format).toBe('otel')
      expect(ignored).toBe(1)
      expect([...table.arrivalMs]).toEqual([0, 0.25])
      expect([...table.maxTokens]).toEqual([0, 99])
      expect(table.strings[table.model[1]!]).toBe('m')
      expect(table.strings[table.session[1]!]).toBe('c')
    }
  })

  it("reads the original's names, and 64 output tokens when it gives none", async () => {
    const first = { 'llm.prompt_tokens': 300, 'llm.system_prompt_hash': 'h', 'llm.model': 'm' }
    const lines = [
      document(span('1', { ...first, 'llm.system_prompt_tokens': 200 })),
      document(span('2', { 'gen_ai.prompt.tokens': 300, 'llm.system_prompt_hash': 'h' })),
      document(span('3', { 'gen_ai.usage.input_tokens': 7 })),
    ]
    const { table, prefixHashes } = await readText(lines.map((l) => JSON.stringify(l)).join('\n'))
    expect([...table.outputTokens]).toEqual([64, 64, 0])
    expect([...table.prefixTokens]).toEqual([200, 0, 0])
    expect([...prefixHashes.of]).toEqual([0, 0, -1])
    expect([...promptSharing(table).contentTokens]).toEqual([200, 0, 0])
  })

  it('does not count the requests of an agent twice', async () => {
    const doc = document(
      span('1', { ...usage, 'gen_ai.operation.name': 'chat' }),
      span('2', { ...usage, 'gen_ai.operation.name': 'text_completion' }),
      span('0', { ...usage, 'gen_ai.operation.name': 'invoke_agent' }),
      span('0', { ...usage, 'gen_ai.operation.name': 'execute_tool' }),
    )
    const { table, ignored } = await readText(JSON.stringify(doc))
    expect([table.size, ignored]).toEqual([2, 2])
  })

  it('reads the names of OpenInference', async () => {
    const values = { 'llm.token_count.prompt': 70, 'llm.token_count.completion': 5 }
    const names = { 'llm.model_name': 'm', 'session.id': 's' }
    const { table } = await readText(JSON.stringify(document(span('1', { ...values, ...names }))))
    expect([table.promptTokens[0], table.outputTokens[0]]).toEqual([70, 5])
    expect(table.strings).toEqual(expect.arrayContaining(['m', 's']))
  })

  it('takes numbers as strings, as numbers and as integral doubles', async () => {
    const values = [{ intValue: '8' }, { intValue: 8 }, { doubleValue: 8 }]
    const spans = values.map((value) => ({
      startTimeUnixNano: 5,
      attributes: [{ key: 'gen_ai.usage.prompt_tokens', value }],
    }))
    const { table } = await readText(JSON.stringify(document(...spans)))
    expect([...table.promptTokens]).toEqual([8, 8, 8])
  })

  it('says which span is wrong, and how', async () => {
    const text = (...spans: object[]): string => JSON.stringify(document(...spans))
    const good = span('1', usage)
    const bad = span('1', { ...usage, 'gen_ai.usage.output_tokens': 'many' })
    expect(await messageOf(readText(text(good, bad)))).toBe(
      't.jsonl:1: span 2: gen_ai.usage.output_tokens: expected an integer >= 0, got "many"',
    )
    expect(await messageOf(readText(text(span(undefined, usage))))).toBe(
      't.jsonl:1: span 1: startTimeUnixNano: expected nanoseconds since 1970, got nothing',
    )
    expect(await messageOf(readText(text(span('1', {}))))).toBe(
      't.jsonl: expected at least one request, got none: 1 span is no LLM request',
    )
    expect(await messageOf(readText('{"resourceSpans":3}'))).toBe(
      't.jsonl:1: resourceSpans: expected an array, got 3',
    )
    const { table, skipped } = await readText(text(good, bad), { onError: 'skip' })
    expect([table.size, skipped.count]).toEqual([1, 1])
  })
})
