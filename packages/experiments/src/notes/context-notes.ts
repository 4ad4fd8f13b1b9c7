import { areOfOneModel, type RequestTable } from '@routesim/core'
import { resolveModel } from '../cluster/resolve-model.js'
import { servedNames } from '../config/backend-groups.js'
import type { ClusterConfig } from '../config/schema.js'
import { shareText } from './share-text.js'

/** Notes on requests that are longer than the context of the model that they are for, which engines do not serve. */
export function contextNotes(cluster: ClusterConfig, requests: RequestTable): string[] {
  const groups = cluster.backends ?? [cluster]
  const served = servedNames(groups)
  const notes = groups.map(({ model }, i) =>
    model === undefined ? undefined : noteOn(model, served[i], requests),
  )
  return [...new Set(notes)].filter((note) => note !== undefined)
}

function noteOn(
  path: string,
  served: string | undefined,
  requests: RequestTable,
): string | undefined {
  const { name, maxPositions } = resolveModel(path)
  if (maxPositions === undefined) return undefined
  const { size, promptTokens, outputTokens, strings, model } = requests
  let refused = 0
  let cut = 0
  for (let row = 0; row < size; row++) {
    if (!areOfOneModel(served, strings[model[row]!])) continue
    // One position is left for the first token.
    if (promptTokens[row]! >= maxPositions) refused++
    else if (promptTokens[row]! + outputTokens[row]! > maxPositions) cut++
  }
  if (refused + cut === 0) return undefined
  const parts = [
    ...(refused > 0 ? [`refuse ${refused} of the requests for their prompts`] : []),
    ...(cut > 0 ? [`end the answers to ${cut} of them there`] : []),
  ]
  return `${shareText((refused + cut) / size)} of the requests are longer than the ${maxPositions} tokens that ${name} has positions for: engines ${parts.join(' and ')}, here they are served in full`
}
