import { logs } from './testing/paired-routers.js'
import { observe } from './testing/both-steppers.js'
import { type Numbers, pairedStory, featuresOf } from './testing/paired-story.js'
const [seed, kind, list, tail] = process.argv.slice(2)
const features = list ? list.split(',') : featuresOf(Number(seed))
for (const stepper of ['fast', 'reference'] as const) {
  const story = pairedStory(Number(seed), kind as Numbers, features)
  console.log('=====', stepper)
  try { const o = observe(story, stepper); console.log(JSON.stringify(o.counted).slice(0,3000)); console.log(o.times.gaps) } catch (e) { console.log((e as Error).stack) }
  for (const line of [story.router!].flat().flatMap((r) => logs.get(r)!).slice(-Number(tail ?? 30))) console.log(line.slice(0, 400))
}
