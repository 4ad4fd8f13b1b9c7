import { type Recorder, type RequestOutcomes, type RequestTable, Simulation, type SimulationOptions, tableSource, type RunTotals } from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { featuresOf, pairedStory, type Numbers } from './testing/paired-story.js'
import { type TinyRun, kvTransfer } from './testing/tiny-run.js'

const OUTCOMES = ['outcome','backend','prefillBackend','admittedMs','firstTokenMs','finishedMs','cachedTokens','preemptions','attempts','rejectReason'] as const
function facts(row: number, requests: RequestTable, outcomes: RequestOutcomes): string {
  const r = (['arrivalMs', 'promptTokens', 'outputTokens', 'maxTokens', 'priority', 'session', 'adapter', 'model'] as const).map((n) => requests[n][row])
  return [...r, ...OUTCOMES.map((name) => outcomes[name][row]), outcomes.loadedTokens?.[row]].join()
}
function run(story: TinyRun, isStream: boolean): { totals: RunTotals; requests: string[]; gaps: string[] } {
  const { requests, backends, router, transfer = kvTransfer, prefixCaching = true, recorder: _r, stepper: _s, seed = 1, sampler: _x, onDecision: _d, ...options } = story
  const ended: string[] = []
  const gaps: string[] = []
  const table = requests as RequestTable
  const recorder: Recorder = {
    tokenGaps: (runs) => { for (let i = 0; i < runs.length; i += 4) gaps.push(runs.slice(i, i + 4).join()) },
    requestEnded: (row, t, o) => void ended.push(facts(row, t, o)),
  }
  const simulation = new Simulation({ ...options, seed, router: router!, recorder, requests: isStream ? tableSource(table) : table,
    cluster: { backends: backends!, kvCache: radixKvCache({ prefixCaching }), kvTransfer: transfer } } as SimulationOptions)
  let n = 0
  while (!simulation.run(isStream ? 1 + (n++ % 7) : Number.POSITIVE_INFINITY));
  if (!isStream) {
    const { outcomes, warmupRequests } = simulation.result()
    for (let row = warmupRequests; row < table.size; row++) ended.push(facts(row, table, outcomes))
  }
  return { totals: simulation.totals(), requests: ended.sort(), gaps: gaps.sort() }
}
const [from, to, kind = 'exact', list] = process.argv.slice(2)
let done = 0
const check = (seed: number, features: string[]): string | undefined => {
  try {
    const a = run(pairedStory(seed, kind as Numbers, features, 60), false)
    const b = run(pairedStory(seed, kind as Numbers, features, 60), true)
    const at = a.requests.findIndex((l, i) => l !== b.requests[i])
    if (at >= 0) return `request ${a.requests[at]} / ${b.requests[at]}`
    if (a.gaps.join() !== b.gaps.join()) return 'gaps'
    if (JSON.stringify(a.totals) !== JSON.stringify(b.totals)) return `totals ${JSON.stringify(a.totals).slice(0, 500)} / ${JSON.stringify(b.totals).slice(0, 500)}`
    return undefined
  } catch (e) { return (e as Error).stack!.split('\n').slice(0, 4).join(' | ') }
}
for (let seed = Number(from); seed < Number(to); seed++) {
  let features = (list ? list.split(',') : featuresOf(seed)).filter((f) => !['followUps', 'closedLoop', 'watched', 'stepByStep', 'looks'].includes(f))
  if (features.includes('gate') || features.includes('timeouts')) features = features.filter((f) => f !== 'holds')
  let what = check(seed, features)
  done++
  if (what === undefined) continue
  for (const name of [...features]) {
    const less = features.filter((f) => f !== name)
    const w = check(seed, less)
    if (w !== undefined) { features = less; what = w }
  }
  console.log(`${seed} [${features}] ${what.slice(0, 600)}`)
}
console.log(done, 'streams')
