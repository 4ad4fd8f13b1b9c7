import { expect, test } from 'vitest'
import { inProcess } from '../testing/in-process.js'

test('bench load simulates the combinators around an algorithm', async () => {
  const gate = 'gate(round_robin):when_full=shed,saturation=concurrency,request_limit=1'
  const words = 'bench load --num-workers 1 --requests 5 --isl 100 --osl 100 --request-rate 1000'
  const { code, stdout } = await inProcess([...words.split(' '), '-a', gate])
  expect([code, stdout]).toEqual([0, expect.stringMatching(/error_request_count +4\.00/)])
})
