import { expect, test } from 'vitest'
import { readText } from '../testing/in-memory.js'
import { fitErrors } from './fit-error.js'

const turn = (ts: number, prompt_tokens: number, conversation_id: string): string =>
  JSON.stringify({ ts, prompt_tokens, gen_tokens: 10, conversation_id })

test('by hand: rates are those of the time in which conversations begin', async () => {
  const { table } = await readText(
    [turn(0, 100, 'a'), turn(1000, 150, 'a'), turn(2000, 120, 'b'), turn(10_000, 200, 'a')].join(
      '\n',
    ),
  )
  const { table: fit } = await readText(
    [turn(0, 100, 'a'), turn(1000, 150, 'a'), turn(4000, 180, 'b'), turn(9000, 200, 'b')].join(
      '\n',
    ),
  )
  const errors = new Map(fitErrors(table, fit).map((each) => [each.statistic, each]))
  // Two seconds, in which conversations begin in both: three requests there, two of them here.
  expect(errors.get('rate')).toMatchObject({ trace: 1, fit: 1 })
  expect(fitErrors(fit, fit).find(({ statistic }) => statistic === 'rate')!.trace).toBe(0.5)
  expect(errors.get('conversations')).toMatchObject({ trace: 1, fit: 2, error: 1 })
  expect(errors.get('turns, mean')).toMatchObject({ trace: 2, fit: 2, error: 0 })
  // 150 - 110 and 200 - 160; then 40 and 200 - 190.
  expect(errors.get('new tokens of a turn, mean')).toMatchObject({ trace: 40, fit: 25 })
  expect(errors.get('time between turns, mean')).toMatchObject({ trace: 5, fit: 3 })
  expect(errors.get('prompts, mean')!.error).toBeCloseTo(157.5 / 142.5 - 1, 12)
})
