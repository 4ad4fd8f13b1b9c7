import { defineRouter, mostBy, PromptPath } from '@routesim/algorithms'
import type { BackendView } from '@routesim/core'

/** Keeps an index of its own of what backends say they store, and weighs it against load. */
export default defineRouter({
  name: 'kv_events',
  description: 'Follows KV events to the backend that holds most of the prompt.',
  parameters: {
    load_tokens: { default: 200, min: 0, description: 'Cached tokens that outweigh a request.' },
  },
  create: ({ load_tokens }) => {
    // By backend: up to which token each run of prompts is held there.
    const held = new Map<number, Map<number, number>>()
    const path = new PromptPath()
    const cachedTokens = ({ id, blockTokens }: BackendView): number => {
      let tokens = 0
      for (let i = 0; i < path.length; i++) {
        tokens = Math.max(tokens, held.get(id)?.get(path.ids[i]!) ?? 0)
        // The last block of a run may end in the next.
        if (tokens + blockTokens <= path.endTokens[i]!) break
      }
      return tokens
    }
    return {
      route(request, cluster) {
        request.promptPath(path)
        return mostBy(cluster, (each) => cachedTokens(each) - load_tokens * each.outstanding)
      },
      onKvEvents({ id: backend }, events) {
        const runs = held.get(backend) ?? new Map<number, number>()
        held.set(backend, runs)
        for (const event of events) {
          if (event.kind === 'cleared') runs.clear()
          else if (event.kind === 'stored') runs.set(event.id, event.toTokens)
          else runs.set(event.id, event.fromTokens)
        }
      },
    }
  },
})
