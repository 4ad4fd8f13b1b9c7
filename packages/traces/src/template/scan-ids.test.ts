import { RandomStream } from '@routesim/core'
import { expect, it } from 'vitest'
import { IdRuns } from '../prompts/id-runs.js'
import { NO_MATCH } from './bytes.js'
import { scanIds } from './scan-ids.js'

/** What the scanner reads from behind the bracket of an array, and what it makes of its end. */
function scan(text: string): { runs: IdRuns; end: number } {
  // As a line stands in the buffer that it is read from: a line end, and eight bytes more.
  const bytes = new Uint8Array(Buffer.from(`${text}\n12345678`))
  const runs = new IdRuns()
  const end = scanIds(bytes, new DataView(bytes.buffer), 0, runs)
  return { runs, end }
}

function runsOf(ids: readonly number[]): number[] {
  const runs = new IdRuns()
  for (const id of ids) runs.push(id)
  return [...runs.bounds.subarray(0, runs.runCount * 2)]
}

/** Runs of ids of any length, most of which go on with the next number. */
function someIds(random: RandomStream): number[] {
  const ids: number[] = []
  while (random.integer(4) > 0) {
    let id = Math.floor(random.float() * 10 ** random.integer(15))
    if (random.integer(3) === 0) id = 10 ** (1 + random.integer(13)) - 1 - random.integer(12)
    for (let n = random.integer(30); n >= 0; n--) ids.push(Math.max(0, id++))
    if (random.integer(4) === 0) ids.push(ids.at(-1)!)
  }
  return ids
}

it('reads arrays of ids as JSON.parse does', () => {
  const random = new RandomStream(5, 'ids')
  for (let i = 0; i < 20_000; i++) {
    const ids = someIds(random)
    const text = ids.join(random.integer(2) === 0 ? ',' : ', ')
    const { runs, end } = scan(`${text}]`)
    expect(end, text).toBe(text.length)
    expect([...runs.bounds.subarray(0, runs.runCount * 2)], text).toEqual(runsOf(ids))
    expect(runs.length).toBe(ids.length)
  }
})

it('takes no array that JSON.parse refuses, nor reads another', () => {
  const random = new RandomStream(6, 'spoilt ids')
  const scraps = [',', ' ', '0', '9', '-', '.', 'e', '"', ']', '\n', '']
  let taken = 0
  for (let i = 0; i < 30_000; i++) {
    const whole = `${someIds(random).join(', ')}]`
    const at = random.integer(whole.length)
    const scrap = scraps[random.integer(scraps.length)]!
    const text = whole.slice(0, at) + scrap + whole.slice(at + random.integer(2))
    const { runs, end } = scan(text)
    if (end === NO_MATCH || text[end] !== ']') continue
    taken++
    const ids: number[] = JSON.parse(`[${text.slice(0, end + 1)}`)
    expect([...runs.bounds.subarray(0, runs.runCount * 2)], text).toEqual(runsOf(ids))
  }
  expect(taken).toBeGreaterThan(1000)
})
