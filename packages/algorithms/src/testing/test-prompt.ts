import type { RequestView } from '@routesim/core'
import { PromptPath } from '../prompt/prompt-path.js'
import { testRequest } from './test-cluster.js'

/** A path of runs given as ids, each of so many tokens. */
export function testPath(ids: readonly number[], runTokens = 16): PromptPath {
  const path = new PromptPath()
  for (const [i, id] of ids.entries()) path.push(id, (i + 1) * runTokens)
  return path
}

/** A request whose prompt is such a path, and nothing else unless `fields` says so. */
export function testPrompt(
  ids: readonly number[],
  fields: Partial<RequestView> = {},
  runTokens = 16,
): RequestView {
  return {
    ...testRequest({ promptTokens: ids.length * runTokens, ...fields }),
    promptPath(out) {
      out.clear()
      for (const [i, id] of ids.entries()) out.push(id, (i + 1) * runTokens)
    },
  }
}

/** A path in a tree with three ways at each step: its ids name all that is before, as those of prompts do. */
export function chainedIds(steps: readonly number[]): number[] {
  let id = 0
  return steps.map((step) => {
    id = 3 * id + 1 + (step % 3)
    return id
  })
}
