import { RouteSimError } from '@routesim/core'
import { expect, test } from 'vitest'
import { blamingConfig } from './blame-config.js'

const refused = (code: string, path?: string): RouteSimError =>
  new RouteSimError('load: expected a number, got "a"', {
    code,
    hint: 'Say a number.',
    ...(path !== undefined && { path }),
  })

function blamed(error: Error, parameters?: Readonly<Record<string, unknown>>): unknown {
  try {
    return blamingConfig([{ definition: { name: 'random' }, parameters }], () => {
      throw error
    })
  } catch (thrown) {
    return thrown
  }
}

test('a parameter that was not chosen with the algorithm is of the config', () => {
  const error = refused('parameter_invalid', 'algorithms.random.load')
  const expected = { code: 'config_invalid', path: 'algorithms.random.load', hint: 'Say a number.' }
  expect(blamed(error)).toMatchObject({ ...expected, message: error.message, cause: error })
  expect(blamed(error, { other: 1 })).toMatchObject(expected)
  expect(
    blamed(refused('parameter_unknown', 'algorithms.round_robin.load'), { load: 1 }),
  ).toMatchObject({ code: 'config_invalid' })
})

test('one that was chosen is not, and neither is any other error', () => {
  for (const error of [
    refused('parameter_invalid', 'algorithms.random.load'),
    refused('parameter_invalid'),
    refused('router_unknown', 'algorithms.random.other'),
    new TypeError('no'),
  ]) {
    expect(blamed(error, { load: 'a' })).toBe(error)
  }
})

test('what is made is given back', () => {
  expect(blamingConfig([], () => 3)).toBe(3)
})
