import type { ServedModel } from './served-models.js'

/**
 * The answer of a router to `GET /v1/models`: every name that a worker serves, with what all workers that serve it say
 * of it alike.
 *
 * @param served - by each worker
 */
export function modelList(served: readonly (readonly ServedModel[])[]): string {
  const cards = new Map<string, Readonly<Record<string, unknown>>>()
  for (const { name, card } of served.flat()) {
    const before = cards.get(name)
    cards.set(name, before === undefined ? card : agreed(before, card))
  }
  const data = [...cards].map(([id, card]) => ({
    created: 0,
    owned_by: 'routesim',
    ...card,
    id,
    object: 'model',
  }))
  return JSON.stringify({ object: 'list', data })
}

function agreed(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const isAgreed = ([name, value]: [string, unknown]): boolean =>
    Object.hasOwn(other, name) && JSON.stringify(value) === JSON.stringify(other[name])
  return Object.fromEntries(Object.entries(one).filter(isAgreed))
}
