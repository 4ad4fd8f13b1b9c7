import { expect, test } from 'vitest'
import { userPlaceOf, withCauses } from './user-place.js'

const options = { ownFolder: '/own/', pathOf: (url: string) => url.replace('file://', '') }

function thrownAt(places: readonly string[], cause?: Error): Error {
  const error = new Error('x', { cause })
  error.stack = ['Error: x', ...places.map((place) => `    at ${place}`)].join('\n')
  return error
}
const placeOf = (...places: readonly string[]) => userPlaceOf(thrownAt(places), options)

test('the innermost line of a file that is neither ours, nor of a package, nor of Node is the place', () => {
  const foreign = [
    'JSON.parse (<anonymous>)',
    'run (node:vm:1:2)',
    '/own/live/x.js:3:4',
    'f (/a/node_modules/b/c.js:5:6)',
  ]
  expect(placeOf(...foreign, 'Object.route (/home/my router.ts:7:131)', '/home/b.ts:1:1')).toBe(
    '/home/my router.ts:7',
  )
  expect(placeOf('async file:///home/router.mjs:8:9')).toBe('/home/router.mjs:8')
  expect(placeOf(...foreign)).toBeUndefined()
  expect(userPlaceOf('a text', options)).toBeUndefined()
})

test('what an error was caused by goes before where it was wrapped, and causes have an end', () => {
  const cause = thrownAt(['route (file:///home/router.mjs:2:3)'])
  expect(userPlaceOf(thrownAt(['/home/main.mjs:1:1'], cause), options)).toBe('/home/router.mjs:2')
  const own = thrownAt([])
  own.cause = own
  expect(withCauses(own)).toHaveLength(9)
})
