import { defineRouter, leastBy } from '@routesim/algorithms'

/** Long prompts take long: counts the tokens that wait to be computed, not the requests. */
export default defineRouter({
  name: 'fewest_tokens',
  description: 'Sends to the backend with the fewest prompt tokens still to compute.',
  create: () => ({
    route: (_request, cluster) => leastBy(cluster, (backend) => backend.pendingPromptTokens),
  }),
})
