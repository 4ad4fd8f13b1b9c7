import { RandomStream } from '@routesim/core'
import { expect, it } from 'vitest'
import { exactQuotient } from './exact-quotient.js'
import { scanNumber } from './scan-number.js'

const SLACK = '        '

/** What the scanner reads from a text, and how many bytes of it. */
function scan(text: string): { value: number; length: number } {
  const bytes = new Uint8Array(Buffer.from(text + SLACK))
  const out = Float64Array.of(-7)
  const length = scanNumber(bytes, new DataView(bytes.buffer), 0, out, 0)
  return { value: out[0]!, length }
}

function digits(random: RandomStream, count: number): string {
  return Array.from({ length: count }, () => random.integer(10)).join('')
}

/** Puts a point into a run of digits; no JSON number begins with two zeros. */
function withPoint(run: string, at: number): string {
  const whole = run.slice(0, at).replace(/^0+(?=.)/, '') || '0'
  const decimals = run.slice(at)
  return decimals === '' ? whole : `${whole}.${decimals}`
}

const WRITERS: Readonly<Record<string, (random: RandomStream) => string>> = {
  'of any digits': (random) => {
    const run = digits(random, 1 + random.integer(21))
    return withPoint(run, random.integer(run.length + 1))
  },
  'as floats are written': (random) => String(random.float() * 10 ** (random.integer(24) - 8)),
  'with many zeros': (random) => {
    const zeros = '0'.repeat(random.integer(24))
    return withPoint(`${digits(random, 1 + random.integer(9))}${zeros}${random.integer(10)}`, 1)
  },
  'small, with leading zeros': (random) =>
    `0.${'0'.repeat(random.integer(24))}${digits(random, 1 + random.integer(18))}`,
  'halfway between two floats, and beside': (random) => {
    // Integers from 2^53 on are even as floats: an odd one is a tie, here over a power of two.
    const power = random.integer(4)
    const odd = 2n ** 53n + BigInt(random.integer(2 ** 30)) * 2n + 1n
    const text = withPoint((odd * 5n ** BigInt(power)).toString(), -power || 16)
    return random.integer(2) === 0 ? text : text.slice(0, -1) + random.integer(10)
  },
}

it.each(Object.entries(WRITERS))('reads decimals %s as Number does', (_, write) => {
  const random = new RandomStream(11, 'decimals')
  for (let i = 0; i < 60_000; i++) {
    const text = (random.integer(4) === 0 ? '-' : '') + write(random)
    const { value, length } = scan(text)
    if (!Object.is(value, Number(text)) || length !== text.length) {
      expect({ text, value, length }).toEqual({ text, value: Number(text), length: text.length })
    }
  }
})

it.each([
  '0',
  '-0',
  '-0.0',
  '0.000',
  '5e-324',
  '2.4703282292062327e-324',
  '1e22',
  '1e23',
  '9007199254740993',
  '9007199254740992.5',
  '9007199254740993.0',
  '4503599627370497.5',
  '4503599627370496.500000001',
  '2251799813685249.25',
  '999999999999999999',
  '9999999999999999999',
  '1e400',
  '1234567890.123456789',
  '1700000000000.123',
  '0.3',
  '0.30000000000000004',
  '123456789.999999999999999999999999',
])('reads %s as Number does', (text) => {
  expect(scan(text)).toEqual({ value: Number(text), length: text.length })
})

it.each(['', '-', '.5', '01', '-01', '1.', '1.e5', '1e', '1e+', 'x', '1.x'])(
  'refuses "%s" as JSON does',
  (text) => {
    expect(() => JSON.parse(text)).toThrow()
    const { length } = scan(text)
    expect(length === -1 || length < text.length).toBe(true)
  },
)

it('decides nearly all decimals of 18 digits without a string', () => {
  const random = new RandomStream(12, 'quotients')
  const out = new Float64Array(1)
  let decided = 0
  for (let i = 0; i < 10_000; i++) {
    const high = random.integer(1e9)
    const low = random.integer(1e9)
    if (exactQuotient(high, low, 9, 15, out, 0)) decided++
  }
  expect(decided).toBeGreaterThan(9990)
  // 2^53 + 1 lies halfway between two floats.
  expect(exactQuotient(9_007_199, 254_740_993, 9, 0, out, 0)).toBe(false)
  expect(exactQuotient(1, 1, 1, 23, out, 0)).toBe(false)
})
