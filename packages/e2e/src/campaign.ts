import { disagreement, imbalance, observe } from './testing/both-steppers.js'
import { FEATURES, featuresOf, pairedStory, type Numbers } from './testing/paired-story.js'

const [from, to, numbers, list] = process.argv.slice(2)
const kinds: Numbers[] = numbers === undefined || numbers === 'both' ? ['exact', 'plain'] : [numbers as Numbers]
const found = new Map<string, number>()
let done = 0
const check = (seed: number, kind: Numbers, features: readonly string[]): string | undefined => {
  try {
    const stories = [pairedStory(seed, kind, features), pairedStory(seed, kind, features)] as const
    const fast = observe(stories[0], 'fast')
    const reference = observe(stories[1], 'reference')
    return disagreement(fast, reference, kind) ?? imbalance(fast, stories[0])
  } catch (error) {
    return `${(error as Error).stack?.split('\n').slice(0, 4).join(' | ')}`
  }
}
void FEATURES
for (let seed = Number(from); seed < Number(to); seed++) {
  for (const kind of kinds) {
    let features = list ? list.split(',') : featuresOf(seed)
    const what = check(seed, kind, features)
    done++
    if (what === undefined) continue
    // Fewer features.
    let last = what
    for (const name of [...features]) {
      const less = features.filter((each) => each !== name)
      const w = check(seed, kind, less)
      if (w !== undefined) {
        features = less
        last = w
      }
    }
    const key = `${features.join('+')}`
    found.set(key, (found.get(key) ?? 0) + 1)
    if (found.get(key)! <= 2) console.log(`${kind} ${seed} [${features}] ${last.slice(0, 700)}`)
  }
}
console.log(`${done} stories; ${[...found].reduce((a, [, n]) => a + n, 0)} faults`)
for (const [key, n] of [...found].sort((a, b) => b[1] - a[1])) console.log(n, key)
