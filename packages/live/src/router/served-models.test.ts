import { expect, test } from 'vitest'
import { readServedModels } from './served-models.js'

/** What is told of each name: `m` of a model, `a of m` of an adapter, with `*` where no KV of the first model fits. */
const told = (...data: readonly object[]) =>
  readServedModels(JSON.stringify({ data })).map(({ name, adapterOf, isApart }) =>
    [name, ...(adapterOf === undefined ? [] : ['of', adapterOf])]
      .join(' ')
      .concat(isApart ? '*' : ''),
  )

test('adapters of vLLM and SGLang tell their parent; other names of a model have its root', () => {
  const base = { root: '/weights', parent: null }
  expect(
    told(
      { id: 'm', ...base },
      { id: 'alias', ...base },
      { id: 'sql', root: '/sql', parent: 'm' },
      { id: 'chat', root: '/chat', parent: 'by another name' },
    ),
  ).toEqual(['alias', 'chat of m*', 'm', 'sql of m*'])
})

test('where nothing is told of names, each is a model of its own', () => {
  expect(told({ id: 'm' }, { id: 'b' }, { id: 'm' })).toEqual(['b*', 'm'])
  expect(told({ id: 'a', parent: 'm' })).toEqual(['a of m*'])
})

test.each(['null', '{}', '{"data":3}', '{"data":[null,{"id":3}]}'])('%s names none', (text) => {
  expect(readServedModels(text)).toEqual([])
})
