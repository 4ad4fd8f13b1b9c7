import { areOfOneModel, type RequestTable } from '@routesim/core'
import { resolveModel } from '../cluster/resolve-model.js'
import { servedNames } from '../config/backend-groups.js'
import type { ClusterConfig } from '../config/schema.js'
import { shareText } from './share-text.js'

/**
 * Notes on requests that are longer than the context of the model that they are for, which engines do not serve, and
 * that `max_model_len` does not refuse.
 */
export function contextNotes(cluster: ClusterConfig, requests: RequestTable): string[] {
  const groups = cluster.backends ?? [cluster]
  const served = servedNames(groups)
  const notes = groups.map(({ model, max_model_len }, i) =>
    model === undefined ? undefined : noteOn(model, served[i], requests, max_model_len),
  )
  return [...new Set(notes)].filter((note) => note !== undefined)
}

function noteOn(
  path: string,
  served: string | undefined,
  requests: RequestTable,
  maxModelLen = Number.POSITIVE_INFINITY,
): string | undefined {
  const { name, maxPositions } = resolveModel(path)
  if (maxPositions === undefined) return undefined
  const { size, promptTokens, outputTokens, maxTokens, strings, model } = requests
  let refused = 0
  let cut = 0
  for (let row = 0; row < size; row++) {
    if (!areOfOneModel(served, strings[model[row]!])) continue
    const mostTokens = promptTokens[row]! + Math.max(1, outputTokens[row]!, maxTokens[row]!)
    if (mostTokens > maxModelLen) continue
    // One position is left for the first token.
    if (promptTokens[row]! >= maxPositions) refused++
    else if (promptTokens[row]! + outputTokens[row]! > maxPositions) cut++
  }
  if (refused + cut === 0) return undefined
  const parts = [
    ...(refused > 0 ? [`refuse ${refused} of the requests for their prompts`] : []),
    ...(cut > 0 ? [`end the answers to ${cut} of them there`] : []),
  ]
  return `${shareText((refused + cut) / size)} of the requests are longer than the ${maxPositions} tokens that ${name} has positions for: engines ${parts.join(' and ')}, here they are served in full; max_model_len = ${maxPositions} would have them rejected`
}
