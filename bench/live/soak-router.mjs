// A router in a process of its own that tells what it has counted and what it keeps, when it is asked.
// Run with --expose-gc.
import { checkRouterConfig, startRouter } from '@routesim/live'

process.once('message', async ({ config }) => {
  const router = await startRouter({
    config: checkRouterConfig(config),
    host: '127.0.0.1',
    port: 0,
    adminPort: 0,
  })
  process.send({ url: router.url, adminUrl: router.adminUrl })
  process.on('message', async () => {
    // Twice, as what finalizers let go of is free only then.
    for (let i = 0; i < 2; i++) {
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage()
    const { backends } = router.core
    process.send({
      keptMb: (heapUsed + external) / 2 ** 20,
      arrayBuffersMb: arrayBuffers / 2 ** 20,
      rssMb: rss / 2 ** 20,
      begun: router.stats.begun,
      inFlight: router.stats.inFlight,
      ends: router.stats.ends,
      retries: router.stats.retries,
      onWorkers: backends.map(({ inFlight, pendingTokens, heldTokens }) => [
        inFlight,
        pendingTokens,
        heldTokens,
      ]),
    })
  })
  process.on('disconnect', () => process.exit())
})
