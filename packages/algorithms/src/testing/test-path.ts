import { PromptPath } from '../prompt/prompt-path.js'

/** A path of runs given as ids, each of so many tokens. */
export function testPath(ids: readonly number[], runTokens = 16): PromptPath {
  const path = new PromptPath()
  for (const [i, id] of ids.entries()) path.push(id, (i + 1) * runTokens)
  return path
}

/** A path in a tree with three ways at each step: its ids name all that is before, as those of prompts do. */
export function chainedIds(steps: readonly number[]): number[] {
  let id = 0
  return steps.map((step) => {
    id = 3 * id + 1 + (step % 3)
    return id
  })
}
