import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { fromFirstArrival } from './from-first-arrival.js'

function arrivals(...times: number[]): number[] {
  const builder = new RequestTableBuilder()
  for (const arrivalMs of times) builder.add({ arrivalMs, promptTokens: 1, outputTokens: 1 })
  return [...fromFirstArrival(builder.build()).arrivalMs]
}

test('arrivals in epoch ms are counted from the first, others are kept', () => {
  expect(arrivals(1_763_000_000_000, 1_763_000_000_250)).toEqual([0, 250])
  expect(arrivals(3000, 3250)).toEqual([3000, 3250])
})
