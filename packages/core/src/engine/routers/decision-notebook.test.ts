import { describe, expect, test } from 'vitest'
import type { ClusterView } from '../../routing/cluster-view.js'
import { DecisionNotebook } from './decision-notebook.js'

/** Backends 0 to 2, the last of which is full. */
const cluster = {
  ids: [0, 1, 2],
  columns: { waiting: [0, 0, 4], maxQueueDepth: [4, 4, 4] },
} as unknown as ClusterView
const backend = (id: number) => ({ kind: 'backend', id, role: 'both' as const })

function notebook(): DecisionNotebook {
  const notes = new DecisionNotebook()
  notes.begin([backend(0), backend(1), backend(2)])
  return notes
}

describe('DecisionNotebook', () => {
  test('of several comparisons the last that led to the choice counts', () => {
    const notes = notebook()
    notes.compared(cluster, [3, 5, 1], backend(0))
    notes.highest()
    notes.compared(cluster, [-7, -9, -9], backend(1))
    const [trace] = notes.traces({ backend: 0, decode: 0 })
    expect(trace).toMatchObject({ best: 'lowest', tied: 1 })
    expect(trace!.candidates.map(({ score }) => score)).toEqual([3, 5, 1])
    const [other] = notes.traces({ backend: 1, decode: 1 })
    expect(other).toMatchObject({ best: 'highest', tied: 1 })
    expect(other!.candidates.map(({ score }) => score)).toEqual([7, 9, 9])
    expect(notes.traces({ backend: 2, decode: 2 })[0]!.best).toBeUndefined()
  })

  test('ties count available backends only, and zero has no sign', () => {
    const notes = notebook()
    notes.highest()
    notes.compared(cluster, [0, 0, 0], backend(1))
    const [trace] = notes.traces({ backend: 1, decode: 1 })
    expect(trace!.tied).toBe(2)
    expect(trace!.candidates.map(({ score }) => Object.is(score, 0))).toEqual([true, true, true])
  })

  test('columns are copied', () => {
    const notes = notebook()
    const column = [1, 2, 3]
    notes.terms('load', column)
    notes.believedTokens(column)
    column.fill(9)
    notes.term('chance', 1, 0.5)
    const { candidates } = notes.traces({ backend: 1, decode: 1 })[0]!
    expect(candidates).toEqual([
      { backend: 0, terms: { load: 1 }, believedTokens: 1 },
      { backend: 1, terms: { load: 2, chance: 0.5 }, believedTokens: 2 },
      { backend: 2, terms: { load: 3 }, believedTokens: 3 },
    ])
  })

  test('each half of a pair has its own notes', () => {
    const notes = notebook()
    notes.stage('prefill')
    notes.branch('least')
    notes.compared(cluster, [1, 2, 3], backend(0))
    notes.stage('decode')
    notes.compared(cluster, [3, 2, 1], backend(1))
    const traces = notes.traces({ backend: 0, decode: 1 })
    expect(traces.map(({ stage, branch, best }) => [stage, branch, best])).toEqual([
      ['prefill', 'least', 'lowest'],
      ['decode', undefined, 'lowest'],
    ])
  })

  test('two backends chosen in one go have a part each, with the comparison that led to it', () => {
    const notes = notebook()
    notes.begin([
      { id: 0, role: 'prefill' },
      { id: 1, role: 'decode' },
      { id: 2, role: 'both' },
    ])
    notes.term('load', 0, 7)
    const chosen = { backend: 0, decode: 1 }
    const stagesOf = () =>
      notes.traces(chosen).map(({ stage, best, candidates }) => ({
        stage,
        best,
        ids: candidates.map(({ backend: id }) => id),
      }))
    expect(stagesOf()).toEqual([
      { stage: 'prefill', best: undefined, ids: [0, 2] },
      { stage: 'decode', best: undefined, ids: [1, 2] },
    ])
    notes.compared({ ...cluster, ids: [0, 2] } as unknown as ClusterView, [1, 2, 3], backend(0))
    notes.highest()
    notes.compared({ ...cluster, ids: [1] } as unknown as ClusterView, [1, -2, 3], backend(1))
    expect(stagesOf()).toEqual([
      { stage: 'prefill', best: 'lowest', ids: [0, 2] },
      { stage: 'decode', best: 'highest', ids: [1] },
    ])
    expect(notes.traces({ backend: 0, decode: 0 }).map(({ stage }) => stage)).toEqual([''])
  })

  test('a decision begins with an empty page', () => {
    const notes = notebook()
    notes.branch('old')
    notes.highest()
    notes.begin([backend(1)])
    notes.compared(cluster, [4, 4, 4], backend(1))
    expect(notes.traces({ backend: 1, decode: 1 })).toMatchObject([{ best: 'lowest', stage: '' }])
    expect(notes.traces({ backend: 1, decode: 1 })[0]!.branch).toBeUndefined()
  })
})
