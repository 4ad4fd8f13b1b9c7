import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memberOf, withMembers } from './json-members.js'

const changed = (json: string, changes: Readonly<Record<string, string | undefined>>): string =>
  withMembers(Buffer.from(json), changes).toString()

test.each([
  ['{"a":1,"b":2}', { b: '3' }, '{"a":1,"b":3}'],
  ['{"a":1,"b":2}', { a: undefined }, '{"b":2}'],
  ['{"a":1,"b":2}', { a: undefined, b: undefined }, '{}'],
  ['{"a":1}', { c: '[1]', d: undefined }, '{"a":1,"c":[1]}'],
  ['{}', { a: '1' }, '{"a":1}'],
  [' { \n } ', {}, ' {} '],
  ['{\n  "a" : 1 ,\n  "b": 2\n}\n', { a: '3' }, '{\n  "a" :3,\n  "b": 2\n}\n'],
  ['{"a":1,"x":0,"a":2,"y":0,"y":1}', { a: '3' }, '{"a":3,"x":0,"a":3,"y":0,"y":1}'],
  ['{"a":1,"x":0,"\\u0061":2}', { a: undefined }, '{"x":0}'],
  ['{"x":{"a":1},"y":"\\"a\\":{"}', { a: '3' }, '{"x":{"a":1},"y":"\\"a\\":{","a":3}'],
  ['{"x":["a",":"],"a":[{"a":"}"}]}', { a: '"ö"' }, '{"x":["a",":"],"a":"ö"}'],
  [
    '{"seed":1234567890123456789,"t":1e400,"u":1.0,"v":"\\/","é":"ü"}',
    { a: '1' },
    '{"seed":1234567890123456789,"t":1e400,"u":1.0,"v":"\\/","é":"ü","a":1}',
  ],
])('%s with %o', (json, changes, expected) => {
  expect(changed(json, changes)).toBe(expected)
})

test('bytes that are no text stay as they are', () => {
  const body = Buffer.from([...Buffer.from('{"a":"'), 0xff, 0xc0, ...Buffer.from('","b":1}')])
  expect(withMembers(body, { b: '2' }).toString('latin1')).toBe('{"a":"ÿÀ","b":2}')
})

const NAMES = ['a', 'b', '', '"', '\\', 'é', '__proto__', 'constructor', 'max_tokens']
const name = fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary' }))
const object = fc
  .array(fc.tuple(name, fc.jsonValue()))
  .map((members) => Object.fromEntries(members))
const blanks = fc.constantFrom('', ' ', '\n\t', ' \r\n')

test('what is parsed has the changes and else what it had; what is not changed keeps its text', () => {
  const changes = fc
    .array(fc.tuple(name, fc.option(fc.jsonValue(), { nil: undefined })))
    .map((members) => Object.fromEntries(members))
  fc.assert(
    fc.property(object, changes, blanks, (before, values, blank) => {
      const members = Object.entries(before).map(([key, value]) => {
        const source = JSON.stringify(value, undefined, blank)
        return { key, text: [JSON.stringify(key), `:`, source].join(blank) }
      })
      const json = `${blank}{${blank}${members.map(({ text }) => text).join(`${blank},`)}${blank}}`
      const sources = Object.fromEntries(
        Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]),
      )
      const after = changed(json, sources)
      // Of a member that is set to undefined, it writes nothing.
      const expected = Object.fromEntries([...Object.entries(before), ...Object.entries(values)])
      expect(JSON.stringify(JSON.parse(after))).toBe(JSON.stringify(expected))
      let from = 0
      for (const { key, text } of members) {
        if (Object.hasOwn(values, key)) continue
        from = after.indexOf(text, from) + text.length
        expect(from).toBeGreaterThanOrEqual(text.length)
      }
    }),
  )
})

test('the text of a member parses as the member', () => {
  fc.assert(
    fc.property(object, name, blanks, (value, of, blank) => {
      const text = memberOf(Buffer.from(JSON.stringify(value, undefined, blank)), of)?.toString()
      const expected = Object.hasOwn(value, of) ? JSON.stringify(value[of]) : undefined
      expect(text === undefined ? undefined : JSON.stringify(JSON.parse(text))).toBe(expected)
    }),
  )
  for (const json of ['[{"a":1}]', '[]', 'null', '"a"', '1'])
    expect(memberOf(Buffer.from(json), 'a')).toBeUndefined()
  expect(memberOf(Buffer.from('{"a":1,"a": 12345678901234567890 }'), 'a')?.toString()).toBe(
    ' 12345678901234567890 ',
  )
})
