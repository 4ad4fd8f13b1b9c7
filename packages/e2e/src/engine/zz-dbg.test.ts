import { test } from 'vitest'
import { randomStory } from '../testing/random-story.ts'
import { tinyRun } from '../testing/tiny-run.ts'
test('dbg', () => {
  const [kind, from, to] = (process.env.DBG ?? 'plain:0:400').split(':')
  let bad = 0
  for (let seed = Number(from); seed < Number(to); seed++) {
    const out: any = {}
    for (const stepper of ['fast', 'reference'] as const) {
      try {
        const story = randomStory(seed, kind as never)
        const log: string[] = []
        const r = story.router!
        out[stepper] = { run: tinyRun({ ...story, stepper }), story }
      } catch (e) { out[stepper] = { error: e } }
    }
    const { fast, reference } = out
    const say = (what: string, x: unknown, y: unknown) => { if (bad++ < 12) console.log(kind, seed, what, String(x), '|', String(y), JSON.stringify(reference.story?.events), reference.story?.timeoutMs, JSON.stringify(reference.story?.retries)) }
    if (fast.error || reference.error) { say('error', fast.error?.message, reference.error?.message); continue }
    for (const k of ['outcome','backend','prefillBackend','admittedMs','firstTokenMs','finishedMs','cachedTokens','preemptions','rejectReason'] as const) {
      const a = fast.run.outcomes[k], b = reference.run.outcomes[k]
      const i = [...a].findIndex((v: number, i: number) => Number.isNaN(v) !== Number.isNaN(b[i]) || Math.abs(v - b[i]) > 1e-9 * Math.max(1, Math.abs(v)))
      if (i >= 0) { say(`${k}[${i}]`, a[i], b[i]); break }
    }
    for (const [i, b] of fast.run.backends.entries()) for (const k of Object.keys(b)) { const x = b[k], y = reference.run.backends[i][k]; if (typeof x === 'number' && Math.abs(x - y) > 1e-9 * Math.max(1, Math.abs(x))) say(`b${i}.${k}`, x, y) }
  }
  console.log('bad', bad)
})
