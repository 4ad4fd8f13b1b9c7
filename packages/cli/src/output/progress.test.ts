import { expect, test, vi } from 'vitest'
import { etaText, ProgressBar } from './progress.js'

test('there is no ETA before anything is done; then the rest takes as long as what was done', () => {
  expect(etaText(3000, 0)).toBe('')
  expect(etaText(3000, 0.25)).toBe(' | ETA 9 s')
  expect(etaText(3000, 0.001)).toBe(' | ETA 50.0 min')
  for (const all of [1, 1.1]) expect(etaText(3000, all)).toBe(' | ETA 0 s')
})

test('a bar that is shown late knows how long the work has taken', () => {
  vi.useFakeTimers()
  const written: string[] = []
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text))
    return true
  })
  try {
    const bar = new ProgressBar()
    const progress = { label: 'random', finishedRuns: 0, totalRuns: 2 }
    vi.advanceTimersByTime(3000)
    bar.update({ ...progress, fraction: 0 })
    vi.advanceTimersByTime(3000)
    bar.update({ ...progress, fraction: 0.5 })
    vi.advanceTimersByTime(5000)
    bar.stop()
  } finally {
    write.mockRestore()
    vi.useRealTimers()
  }
  const lines = written.filter((text) => text.includes('runs'))
  expect(lines[0]).toMatch(/ 0% \| 0\/2 runs \| random$/)
  expect(lines.at(-1)).toMatch(/ 25% \| 0\/2 runs \| random \| ETA 18 s$/)
})
