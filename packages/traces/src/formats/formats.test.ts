import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ignoredNote } from '../reading/ignored-note.js'
import { readTrace } from '../reading/read-trace.js'
import { messageOf, readText, rows } from '../testing/in-memory.js'
import { encodeTrace } from '../writing/encode-trace.js'
import { formatTrace, writeTrace } from '../writing/write-trace.js'

describe('CSV formats', () => {
  it('reads the Azure traces of 2023 and 2024, in any order of time', async () => {
    const head = 'TIMESTAMP,ContextTokens,GeneratedTokens\r\n'
    const of2023 = await readText(
      `${head}2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109\r\n`,
    )
    expect(of2023.format).toBe('azure')
    expect(of2023.table.arrivalMs[1]).toBeCloseTo(4314.579, 6)
    const of2024 = await readText(
      `${head}2024-05-12 00:00:01.000000+00:00,5,1\n2024-05-12 02:00:00.5+02:00,7,0`,
    )
    expect(rows(of2024)).toEqual([
      [0, 7, 0],
      [500, 5, 1],
    ])
  })

  it('reads arrivals in seconds', async () => {
    const read = await readText('arrival_s,input_tokens,output_tokens\n0.0,374,44\n4.5,396.0,109\n')
    expect(rows(read)).toEqual([
      [0, 374, 44],
      [4500, 396, 109],
    ])
  })

  it('reads those of Vidur and of SplitwiseSim', async () => {
    const vidur = 'arrived_at,num_prefill_tokens,num_decode_tokens,pd_ratio\n4.5,374,44,8.5\n'
    expect(rows(await readText(vidur))).toEqual([[4500, 374, 44]])
    const quoted = '"arrived_at","NUM_PREFILL_TOKENS","num_decode_tokens"\n4.5,374,44\n'
    expect(rows(await readText(quoted))).toEqual([[4500, 374, 44]])
    const splitwise =
      'request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size\n0,2,0,4.314,1,396,109\n'
    expect(rows(await readText(splitwise))).toEqual([[4314, 396, 109]])
  })

  it.each([
    ['azure', 'TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-12 00:00:01,2147483647,1'],
    ['arrivals', 'arrival_s,input_tokens,output_tokens\n0,2147483647,1'],
    [
      'burstgpt',
      'Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,m,2147483647,1,9,API log',
    ],
    ['blis', 'request_id,input_tokens,output_tokens,arrival_time_us\n0,2147483647,1,0'],
  ])('refuses requests of more tokens than fit: %s', async (_, text) => {
    const read = readText(text)
    await expect(read).rejects.toThrow(
      'prompt and output tokens together: expected at most 2147483647, got 2147483648',
    )
  })

  it('reads BurstGPT, with sessions or without', async () => {
    const old = await readText(
      'Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n',
    )
    expect(rows(old)).toEqual([[5000, 472, 18, 'ChatGPT']])
    const recent = await readText(
      'Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n45,"a,b",2,GPT-4,10,0,10,API log\n',
    )
    expect(rows(recent)).toEqual([[45_000, 10, 0, 'a,b', 'GPT-4']])
  })

  it('reads the requests of a BLIS TraceV2', async () => {
    const columns =
      'request_id,client_id,tenant_id,slo_class,session_id,round_index,prefix_group,prefix_length,streaming,input_tokens,output_tokens,model,deadline_us,arrival_time_us,status'
    const { table, prefixHashes } = await readText(
      `${columns}\n0,c1,t1,standard,,0,g,64,true,100,5,m,301000,1000,ok\n1,c2,t1,batch,,0,g,64,true,90,5,m,0,2500,ok\n`,
    )
    expect([...table.arrivalMs]).toEqual([1, 2.5])
    expect([...table.deadlineMs!]).toEqual([300, Number.NaN])
    expect(table.strings[table.sloClass![1]!]).toBe('batch')
    expect(prefixHashes.names).toEqual(['g'])
    expect(table.promptNode[0]).toBe(table.promptNode[1])
  })

  it.each([
    ['arrival_s,input_tokens,output_tokens\n1,2', 't.jsonl:2: expected 3 columns, got 2'],
    [
      'arrival_s,input_tokens,output_tokens\n1,-2,1',
      't.jsonl:2: input_tokens: expected an integer >= 1, got -2',
    ],
    [
      'arrival_s,input_tokens,output_tokens\nNaN,2,1',
      't.jsonl:2: arrival_s: expected a number from 0 to 2^53, got "NaN"',
    ],
    [
      'arrival_s,input_tokens,tokens\n1,2,1',
      't.jsonl:1: expected a column output_tokens, got arrival_s,input_tokens,tokens',
    ],
    [
      'arrived_at,num_prefill_tokens,num_total_tokens\n1,2,1',
      't.jsonl:1: expected a column num_decode_tokens, got arrived_at,',
    ],
    [
      'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-02-30 00:00:00,1,1',
      't.jsonl:2: TIMESTAMP: expected a date and time, got "2023-02-30 00:00:00"',
    ],
    ['arrival_s,input_tokens,output_tokens\n"1,2,3', 't.jsonl:2: expected a closing quote, got'],
    ['arrival_s,input_tokens,"output_tokens\n1,2,3', 't.jsonl:1: expected a closing quote, got'],
  ])('refuses %j', async (text, message) => {
    expect(await messageOf(readText(text))).toContain(message)
  })
})

describe('Bailian JSONL', () => {
  it('links chats into sessions, in blocks of 16', async () => {
    const line = (chat_id: number, parent_chat_id: number, timestamp: number, hash_ids: number[]) =>
      JSON.stringify({
        chat_id,
        parent_chat_id,
        timestamp,
        input_length: hash_ids.length * 16,
        output_length: 3,
        type: 'text',
        turn: 1,
        hash_ids,
      })
    const text = [line(7, -1, 0.5, [1, 2]), line(8, -1, 1, [3]), line(9, 7, 2, [1, 2, 4])].join(
      '\n',
    )
    const read = await readText(text)
    expect(read.format).toBe('bailian')
    expect(rows(read)).toEqual([
      [500, 32, 3, '7'],
      [1000, 16, 3],
      [2000, 48, 3, '7'],
    ])
    expect(read.table.prompts.parent[read.table.promptNode[2]!]).toBe(read.table.promptNode[0])
    expect(await messageOf(readText(text.replaceAll('input_', 'inptu_')))).toBe(
      't.jsonl:1: inptu_length: unknown key; did you mean "input_length"?',
    )
  })
})

describe('ShareGPT JSON', () => {
  const conversation = {
    id: 'x',
    conversations: [
      { from: 'human', value: 'a'.repeat(40) },
      { from: 'gpt', value: 'b'.repeat(20) },
      { from: 'human', value: 'c'.repeat(8), tokens: 3 },
      { from: 'gpt', value: 'd'.repeat(4) },
    ],
  }

  it.each([
    ['an array over many lines', JSON.stringify([conversation], undefined, 2)],
    ['an array on one line', JSON.stringify([conversation])],
    ['a conversation a line', JSON.stringify(conversation)],
  ])('reads %s', async (_, text) => {
    const read = await readText(text)
    expect(read.format).toBe('sharegpt')
    expect(rows(read)).toEqual([
      [0, 10, 5, 'x'],
      [0, 18, 1, 'x'],
    ])
    expect([...read.table.predecessor!]).toEqual([-1, 0])
    expect(read.table.prefixTokens[1]).toBe(15)
  })

  it('takes another estimate', async () => {
    const read = await readText(JSON.stringify([conversation]), { charsPerToken: 2 })
    expect(rows(read)[0]).toEqual([0, 20, 10, 'x'])
  })

  it('says where a document is broken', async () => {
    const text = JSON.stringify([conversation], undefined, 2).replace('"gpt",', '"gpt"')
    expect(await messageOf(readText(text))).toMatch(/^t\.jsonl:\d+: expected JSON, got "value"/)
    expect(await messageOf(readText(text.slice(0, 90)))).toMatch(/^t\.jsonl:\d+: expected/)
  })
})

describe('BLIS TraceV2', () => {
  const text = [
    'request_id,client_id,tenant_id,slo_class,vllm_priority,session_id,round_index,prefix_group,prefix_length,streaming,input_tokens,output_tokens,text_tokens,image_tokens,audio_tokens,video_tokens,reason_ratio,model,deadline_us,slo_target_us,server_input_tokens,arrival_time_us,send_time_us,first_chunk_time_us,last_chunk_time_us,num_chunks,status,error_message,finish_reason,adapter',
    '0,c1,t1,batch,10,,0,,0,true,100,5,100,0,0,0,0.0,m1,5000000,300000,0,0,0,0,0,0,ok,,,lora-a',
    '1,c1,t1,critical,0,,0,,0,true,180,5,180,0,0,0,0.0,m1,0,0,0,100000,100000,0,0,0,ok,,,',
  ].join('\n')

  it('holds the columns of newer versions', async () => {
    const { table } = await readText(text)
    expect([...table.priority]).toEqual([-10, 0])
    expect([...table.ttftSloMs]).toEqual([300, 0])
    expect([...table.adapter].map((name) => table.strings[name])).toEqual(['lora-a', undefined])
    expect(formatTrace(table, 'blis')).toBe(`${text}\n`)
  })

  it('says that urgent priorities have no place', async () => {
    const { table } = await readText('{"ts":0,"prompt_tokens":5,"gen_tokens":1,"priority":1}')
    const { lines, lost } = encodeTrace(table, 'blis', {})
    expect(lost).toEqual(['priority'])
    expect([...lines][0]).not.toContain('priority')
  })

  it('tells its header apart', async () => {
    const header = 'trace_version: 3\ntime_unit: microseconds\n'
    expect(await messageOf(readText(header))).toContain('got the header of a TraceV2')
  })
})

describe('benchmark results', () => {
  it('reads vLLM bench serve with start times, and SGLang without', async () => {
    const vllm = await readText(
      JSON.stringify({
        request_rate: 2,
        input_lens: [5, 6],
        output_lens: [1, 2],
        start_times: [100.5, 100],
      }),
    )
    expect(vllm.format).toBe('bench_serve')
    expect(rows(vllm)).toEqual([
      [0, 6, 2],
      [500, 5, 1],
    ])
    const sglang = await readText(
      '{"backend":"sglang","request_rate":4,"input_lens":[5,6],"output_lens":[1,2]}\n',
    )
    expect(rows(sglang)).toEqual([
      [0, 5, 1],
      [250, 6, 2],
    ])
  })

  it('reads what Python writes for an infinite rate, which is no JSON', async () => {
    const text =
      '{"request_rate":Infinity,"mean_itl_ms":NaN,"a":-Infinity,"b":["NaN, \\"Infinity"],"input_lens":[5,6],"output_lens":[1,2]}'
    for (const layout of [text, text.replaceAll(',"', ',\n"')]) {
      expect(rows(await readText(layout))).toEqual([
        [0, 5, 1],
        [0, 6, 2],
      ])
    }
    const broken = text.replaceAll(',"', ',\n"').replace('[1,2]}', '[1,2}')
    expect(await messageOf(readText(broken))).toContain('t.jsonl:6: expected JSON, got }')
    const notANumber = text.replace('[5,6]', '[NaN,6]')
    expect(await messageOf(readText(notANumber))).toContain('input_lens: expected an integer >= 1')
  })

  it('requests that failed are no answers of 0 tokens', async () => {
    const run = {
      request_rate: 2,
      input_lens: [5, 6, 7, 8],
      output_lens: [0, 2, 0, 4],
      start_times: [100, 100.5, 101, 102],
    }
    const { start_times: _, ...even } = run
    for (const result of [run, even]) {
      const read = await readText(JSON.stringify(result))
      expect(rows(read)).toEqual([
        [0, 6, 2],
        [result === run ? 1500 : 1000, 8, 4],
      ])
      expect(ignoredNote(read.format, read.ignored)).toBe('2 requests failed')
    }
    const none = JSON.stringify({ ...run, output_lens: [0, 0, 0, 0] })
    expect(await messageOf(readText(none))).toBe(
      't.jsonl: expected at least one request, got none: 4 requests failed',
    )
  })

  it('does not make up times where a trace was replayed', async () => {
    const run = '{"request_rate":"trace","input_lens":[5],"output_lens":[1]}'
    expect(await messageOf(readText(run))).toContain('request_rate: expected a number, got "trace"')
  })

  it('tells two runs apart', async () => {
    const run = '{"request_rate":4,"input_lens":[5],"output_lens":[1]}\n'
    expect(await messageOf(readText(run + run))).toBe(
      't.jsonl:2: expected one run, got another after it',
    )
  })
})

describe('AIPerf', () => {
  it('reads profile_export.jsonl to the nanosecond', async () => {
    const line = (start: string, phase = 'profiling', error = 'null') =>
      `{"metadata":{"x_correlation_id":"s","turn_index":0,"request_start_ns":${start},"benchmark_phase":"${phase}"},"metrics":{"input_sequence_length":{"value":550,"unit":"tokens"},"output_sequence_length":{"value":9,"unit":"tokens"}},"error":${error}}`
    const read = await readText(
      [
        line('1759813207532900363'),
        line('1759813207532900364'),
        line('1759813200000000000', 'warmup'),
        line('1759813200000000000', 'profiling', '{"code":499}'),
      ].join('\n'),
    )
    expect(read.format).toBe('aiperf_profile')
    expect(rows(read)).toEqual([
      [0, 550, 9, 's'],
      [1e-6, 550, 9, 's'],
    ])
    expect(read.ignored).toBe(2)
  })

  it('reads inputs.json: prompts share what their texts share', async () => {
    const system = { role: 'system', content: 's'.repeat(200) }
    const payload = (content: string) => ({
      model: 'm',
      messages: [system, { role: 'user', content }],
      max_completion_tokens: 7,
    })
    const text = JSON.stringify({
      data: [
        { session_id: 'a', payloads: [payload('x'.repeat(99)), payload('z'.repeat(99))] },
        { session_id: 'b', payloads: [payload('y'.repeat(99))] },
      ],
    })
    const read = await readText(text)
    expect(read.format).toBe('aiperf_inputs')
    expect(rows(read)[0]).toEqual([0, 75, 7, 'a', 'm'])
    const { prompts, promptNode } = read.table
    expect(prompts.endTokens[prompts.parent[promptNode[0]!]!]).toBe(48)
    expect([...read.table.predecessor!]).toEqual([-1, 0, -1])
  })
})

describe('LLMServingSim', () => {
  const ids = (...runs: number[]) => runs.flatMap((run) => Array<number>(16).fill(run))

  it('reads single requests, which share what their tokens share', async () => {
    const line = (arrival_time_ns: number, input_tok_ids: number[]) =>
      JSON.stringify({ input_toks: 40, output_toks: 7, arrival_time_ns, input_tok_ids })
    const text = [line(0, ids(1, 2)), line(2_500_000, ids(1, 3)), line(3e6, ids(3))].join('\n')
    const read = await readText(text)
    expect(read.format).toBe('llmservingsim')
    expect(rows(read)).toEqual([
      [0, 40, 7],
      [2.5, 40, 7],
      [3, 40, 7],
    ])
    const { prompts, promptNode } = read.table
    const beginning = [...promptNode].map((node) => prompts.parent[node]!)
    expect(beginning[0]).toBe(beginning[1])
    expect(prompts.endTokens[beginning[0]!]).toBe(16)
    expect(beginning[2]).not.toBe(beginning[0])
  })

  it('reads sessions, whose calls wait for an answer and a tool', async () => {
    const call = (input_toks: number, tool_duration_ns: number) => ({
      input_toks,
      output_toks: 5,
      tool_duration_ns,
    })
    const text = JSON.stringify({
      session_id: 'task-0',
      arrival_time_ns: 4e6,
      sub_requests: [call(10, 2e6), call(20, 3e6), call(30, 0)],
    })
    const read = await readText(text)
    expect(rows(read)).toEqual([
      [4, 10, 5, 'task-0'],
      [6, 20, 5, 'task-0'],
      [9, 30, 5, 'task-0'],
    ])
    expect([...read.table.predecessor!]).toEqual([-1, 0, 1])
    expect([...read.table.thinkMs!]).toEqual([0, 2, 3])
  })

  it.each([
    ['{"input_toks":0,"output_toks":1}', 'input_toks: expected an integer >= 1, got 0'],
    ['{"input_tok":5,"output_toks":1}', 'input_tok: unknown key; did you mean "input_toks"?'],
    [
      '{"input_toks":1,"output_toks":1,"input_tok_ids":[1,2]}',
      'input_tok_ids: expected at most 1 (input_toks), got 2',
    ],
    [
      '{"input_toks":1,"output_toks":1,"input_tok_ids":["a"]}',
      'input_tok_ids: expected an array of integers, got',
    ],
    ['{"sub_requests":[1]}', 'sub_requests: expected an array of at least one object, got'],
    ['{"sub_requests":[]}', 'sub_requests: expected an array of at least one object, got'],
  ])('refuses %s', async (text, message) => {
    expect(await messageOf(readText(text))).toContain(`t.jsonl:1: ${message}`)
  })
})

describe('Mooncake with sessions', () => {
  it('sends a turn with a delay after the one before it', async () => {
    const text = [
      '{"timestamp":5,"input_length":10,"output_length":1,"session_id":"s"}',
      '{"input_length":20,"output_length":1,"session_id":"s","delay":100}',
    ].join('\n')
    const { table } = await readText(text)
    expect([...table.arrivalMs]).toEqual([5, 105])
    expect([...table.predecessor!]).toEqual([-1, 0])
    const back = await readText(formatTrace(table, 'mooncake'))
    expect(back.table.predecessor).toEqual(table.predecessor)
    expect(back.table.thinkMs).toEqual(table.thinkMs)
  })
})

describe('compact JSONL with requests that wait', () => {
  it('names them only where the session does not say it', async () => {
    const text = [
      '{"ts":0,"prompt_tokens":5,"gen_tokens":1,"id":"root"}',
      '{"ts":1,"prompt_tokens":5,"gen_tokens":1,"conversation_id":"c"}',
      '{"prompt_tokens":9,"gen_tokens":1,"conversation_id":"c","think_ms":40}',
      '{"prompt_tokens":5,"gen_tokens":1,"after":"root","think_ms":7,"slo_class":"chat","deadline_ms":90,"any_end":true}',
    ].join('\n')
    const { table } = await readText(text)
    expect([...table.predecessor!]).toEqual([-1, -1, 0, 1])
    expect([...table.arrivalMs]).toEqual([0, 1, 7, 41])
    expect([...table.anyEnd!]).toEqual([0, 0, 1, 0])
    const written = formatTrace(table, 'compact_jsonl')
    expect(written.match(/"id"/g)).toHaveLength(1)
    expect((await readText(written)).table).toEqual(table)
  })

  it.each([
    [
      '{"ts":0,"prompt_tokens":5,"gen_tokens":1,"after":"x"}',
      'after: expected the id of a request before this one, got "x"',
    ],
    [
      '{"ts":0,"prompt_tokens":5,"gen_tokens":1,"think_ms":1}',
      'think_ms: expected a conversation_id or after beside it, got 1',
    ],
    [
      '{"ts":0,"prompt_tokens":5,"gen_tokens":1,"any_end":true}',
      'any_end: expected think_ms or after beside it, got true',
    ],
    [
      '{"ts":0,"prompt_tokens":5,"gen_tokens":1,"after":"x","any_end":1}',
      'any_end: expected true or false, got 1',
    ],
  ])('refuses %s', async (text, message) => {
    expect(await messageOf(readText(text))).toBe(`t.jsonl:1: ${message}`)
  })
})

describe('files', () => {
  it('OTLP spans come in several files, out of order', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'routesim-otel-'))
    const span = (startMs: number, tokens: number) => ({
      startTimeUnixNano: String(BigInt(startMs) * 1_000_000n),
      attributes: [
        { key: 'gen_ai.usage.input_tokens', value: { intValue: String(tokens) } },
        { key: 'gen_ai.usage.output_tokens', value: { intValue: '1' } },
      ],
    })
    const document = (...spans: unknown[]) => ({ resourceSpans: [{ scopeSpans: [{ spans }] }] })
    writeFileSync(
      join(folder, 'a.json'),
      JSON.stringify(document(span(900, 3), span(100, 1)), undefined, 1),
    )
    writeFileSync(join(folder, 'b.jsonl'), JSON.stringify(document(span(300, 2))))
    const expected = [
      [0, 1, 1],
      [200, 2, 1],
      [800, 3, 1],
    ]
    expect(rows(await readTrace(folder))).toEqual(expected)
    expect(rows(await readTrace([join(folder, 'b.jsonl'), join(folder, 'a.json')]))).toEqual(
      expected,
    )
  })

  it('Parquet holds what compact JSONL holds', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'routesim-parquet-'))
    const path = join(folder, 't.parquet')
    const { table } = await readText(
      [
        '{"timestamp":0.5,"input_length":90,"output_length":2,"hash_ids":[1,2,3]}',
        '{"timestamp":1,"input_length":70,"output_length":2,"hash_ids":[1,2,4],"session_id":"s"}',
      ].join('\n'),
      { blockTokens: 32 },
    )
    expect((await writeTrace(path, table, 'parquet')).lost).toEqual([])
    const read = await readTrace(path)
    expect(read.format).toBe('parquet')
    expect(read.table).toEqual(table)
    expect(await messageOf(readText('{"ts":1}', { format: 'parquet' }))).toBe(
      't.jsonl: expected a Parquet file, got something else',
    )
  })

  it('zstd is read; what is cut off is told', async () => {
    // `{"ts":1,"prompt_tokens":2,"gen_tokens":3}` as one raw block, as the format (RFC 8878) allows.
    const line = Buffer.from('{"ts":1,"prompt_tokens":2,"gen_tokens":3}\n')
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, line.length])
    const size = (line.length << 3) | 1
    const block = Buffer.from([size & 255, (size >> 8) & 255, size >> 16])
    const packed = Buffer.concat([header, block, line])
    expect(rows(await readText(packed))).toEqual([[1, 2, 3]])
    expect(await messageOf(readText(packed.subarray(0, 30)))).toContain(
      't.jsonl: expected a whole zstd file',
    )
  })
})
