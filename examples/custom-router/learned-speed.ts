import { defineRouter, Ema, leastBy } from '@routesim/algorithms'

/** Learns from its own answers how long a token takes on each backend, so that slow nodes get less. */
export default defineRouter({
  name: 'learned_speed',
  description:
    'Sends where the requests under way, times the time per token seen there, are least.',
  parameters: {
    window: { default: 20, min: 1, description: 'Answers that the mean follows.' },
  },
  create: ({ window }) => {
    const msPerToken = new Map<number, Ema>()
    return {
      route: (_request, cluster) =>
        leastBy(cluster, ({ id, outstanding }) => {
          const seenMs = msPerToken.get(id)?.value
          // One that has not answered yet is tried first.
          return (outstanding + 1) * (seenMs ?? 0)
        }),
      onFinished(_request, { id }, _cluster, { completed, outputTokens, ttftMs, e2eMs }) {
        if (!completed || outputTokens < 2) return
        const mean = msPerToken.get(id) ?? new Ema(2 / (window + 1))
        msPerToken.set(id, mean)
        mean.add((e2eMs - ttftMs) / (outputTokens - 1))
      },
    }
  },
})
