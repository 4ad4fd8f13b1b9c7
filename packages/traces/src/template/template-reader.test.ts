import { RandomStream } from '@routesim/core'
import { expect, it } from 'vitest'
import { type LoweredRecords, lowerColumns } from '../columns/lower-columns.js'
import { readColumns } from '../reading/read-columns.js'
import { TEMPLATE_FIELDS } from './fields.js'
import { learnTemplate } from './learn-template.js'

const NUMBERS =
  '0 1 5 17 1.5 0.1 1e3 1E-2 1e 1e400 -1 -0 01 1. .5 2147483647 2147483648 1234567890 123456789012345 1234567890123456 12345678901234567890 0.30000000000000004 1066.2849213849123 null "7" true [] 12.0'.split(
    ' ',
  )
const STRINGS = [
  '"a"',
  '"b"',
  '""',
  '"ü"',
  '"\\u0061"',
  '"\\\\"',
  '"x\ty"',
  '5',
  '05',
  '-3',
  '1.0',
  '123456789012345678',
  'null',
  'true',
  '{}',
  '"bb',
  '"\\ud800"',
]
const IDS =
  '0 1 2 3 4 7 99999999999 "a" 1.0 -1 01 1e0 67108864 "67108864" 18446744073709551615 123456789012345'.split(
    ' ',
  )
const SCRAPS = ['"', ',', '}', ' ', '\\', '0', '\n', '\r', '#', '\u0000']

/** Writes traces that are mostly fine, line by line alike, and in every way a little off. */
class OddTraces {
  private readonly random: RandomStream

  constructor(seed: number) {
    this.random = new RandomStream(seed, 'odd')
  }

  trace(format: 'compact_jsonl' | 'mooncake'): Buffer {
    const separators = this.pick([
      [': ', ', '],
      [':', ','],
      [' : ', ' , '],
      [':\t', ','],
    ] as const)
    const has = Array.from({ length: 6 }, () => this.chance(0.4))
    const lines = Array.from({ length: 1 + this.random.integer(25) }, () => {
      const fields = format === 'mooncake' ? this.mooncake(has) : this.compact(has)
      if (has[5])
        fields.push([this.pick(['x', '__proto__', 'ts', 'ü']), this.pick([...NUMBERS, ...STRINGS])])
      if (this.chance(0.03)) fields.splice(this.random.integer(fields.length), 1)
      if (this.chance(0.03)) fields.push(this.pick(fields))
      const text = fields.map(([key, value]) => JSON.stringify(key) + separators[0] + value)
      return this.spoilt(`{${text.join(separators[1])}}`)
    })
    const end = this.pick(['', '\n'])
    return Buffer.from(lines.join(this.pick(['\n', '\n', '\r\n'])) + end)
  }

  pick<T>(values: readonly T[]): T {
    return values[this.random.integer(values.length)]!
  }

  chance(probability: number): boolean {
    return this.random.float() < probability
  }

  private compact(has: readonly boolean[]): [string, string][] {
    const fields: [string, string][] = [
      ['ts', this.chance(0.5) ? this.number(100) : String(this.random.float() * 100)],
      ['prompt_tokens', this.number(40)],
      ['gen_tokens', this.number(20)],
    ]
    if (has[0]) fields.push(['prefix_hash', this.name()], ['prefix_len', this.number(30)])
    if (has[1]) fields.push(['conversation_id', this.name()])
    if (has[2])
      for (const key of ['user', 'tenant', 'model', 'lora_adapter']) fields.push([key, this.name()])
    if (has[3])
      fields.push(['priority', this.pick(['0', '3', '-2'])], ['max_tokens', this.number(50)])
    if (has[4]) fields.push(['hash_ids', this.ids()])
    if (has[4] && this.chance(0.8)) fields.push(['block_size', this.pick(['8', '8', '4', '[8,8]'])])
    return this.chance(0.9) ? fields : fields.reverse()
  }

  private mooncake(has: readonly boolean[]): [string, string][] {
    const fields: [string, string][] = [
      ['timestamp', this.number(100)],
      ['input_length', this.number(40)],
      ['output_length', this.number(9)],
      ['hash_ids', this.ids()],
    ]
    if (has[1]) fields.push(['session_id', this.name()])
    if (has[4] && this.chance(0.8)) fields.push(['block_size', this.pick(['8', '8', '4', '[8,8]'])])
    return fields
  }

  private number(below: number): string {
    return this.chance(0.97) ? String(1 + this.random.integer(below)) : this.pick(NUMBERS)
  }

  private name(): string {
    return this.chance(0.9) ? this.pick(STRINGS.slice(0, 3)) : this.pick(STRINGS)
  }

  private ids(): string {
    const first = this.random.integer(4)
    const ids = Array.from({ length: this.random.integer(5) }, (_, i) =>
      this.chance(0.97) ? String(first + i) : this.pick(IDS),
    )
    return `[${ids.join(this.pick([', ', ', ', ',', '  ,']))}]`
  }

  private spoilt(line: string): string {
    const at = this.random.integer(line.length)
    if (this.chance(0.02)) return line.slice(0, at)
    if (this.chance(0.03))
      return line.slice(0, at) + this.pick(SCRAPS) + line.slice(at + this.random.integer(2))
    if (this.chance(0.02)) return this.pick(['', ' ', '# comment', '\t'])
    return this.chance(0.03) ? line + this.pick([' ', '\r', 'x']) : line
  }
}

interface Outcome {
  readonly error?: unknown
  readonly read?: LoweredRecords & { readonly skipped: unknown }
}

async function read(
  bytes: Buffer,
  chunk: number,
  onError: 'fail' | 'skip',
  templates: boolean,
): Promise<Outcome> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
  }
  const options = { format: undefined, blockTokens: 8, onError }
  try {
    const { columns, skipped } = await readColumns(
      [{ source: 't', bytes: chunks() }],
      options,
      templates,
    )
    return { read: { ...lowerColumns(columns, 'extend'), skipped } }
  } catch (error) {
    const { message, code, path, hint } = error as Record<string, unknown>
    return { error: { message, code, path, hint } }
  }
}

it.each([1, 2, 3])(
  'gives the same tables and errors as reading each line as JSON (%i)',
  async (seed) => {
    const odd = new OddTraces(seed)
    const outcomes = { read: 0, error: 0 }
    for (let i = 0; i < 1000; i++) {
      const bytes = odd.trace(i % 2 === 0 ? 'compact_jsonl' : 'mooncake')
      const onError = odd.chance(0.8) ? 'skip' : 'fail'
      const chunk = odd.pick([1, 7, 64, 1 << 20])
      const strict = await read(bytes, 1 << 20, onError, false)
      expect(await read(bytes, chunk, onError, true), bytes.toString()).toEqual(strict)
      outcomes[strict.error === undefined ? 'read' : 'error']++
    }
    expect(outcomes.read).toBeGreaterThan(400)
    expect(outcomes.error).toBeGreaterThan(50)
  },
)

it.each([
  ['{"ts":1,"prompt_tokens":2,"gen_tokens":3}', true],
  [
    '{"ts": 1.5, "prompt_tokens": 2, "gen_tokens": 3, "x": "y", "user": "u", "model": null, "hash_ids": [1, 2]}',
    true,
  ],
  ['{"ts":1,"ts":1}', false],
  ['{"ts":1,"x":{"y":1}}', false],
  ['{"ts":1,"user":"a\\n"}', false],
  ['{"ts":1,"hash_ids":["a"]}', false],
  ['{"t\\u0073":1}', false],
  ['{"ts":1,"block_size":[1]}', false],
  ['{"prompt_tokens":2,"gen_tokens":3,"user":"u"}', false],
  ['{"ts":null,"prompt_tokens":2,"gen_tokens":3}', false],
])('learns %s: %s', (line, isLearnt) => {
  const template = learnTemplate(Buffer.from(line), TEMPLATE_FIELDS.compact_jsonl!)
  expect(template !== undefined).toBe(isLearnt)
})
