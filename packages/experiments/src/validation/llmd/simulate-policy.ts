import { deployment } from '../deployment.js'
import { simulateStages } from '../load-generator/simulate-stages.js'
import type { Metrics } from '../report/validation-row.js'
import { type SignalAge, withAgedSignals } from './aged-signals.js'
import type { LlmdExperiment } from './llmd-experiments.js'
import { isLlmdPolicy, llmdPolicy } from './llmd-policies.js'

/**
 * Metrics of each stage after the warm-up of an experiment under one policy, averaged over seeds of
 * arrivals and prompts.
 * @returns undefined when the policy is not known
 */
export function simulatePolicy(
  experiment: LlmdExperiment,
  policy: string,
  age: SignalAge,
  seeds: number,
): Metrics[] | undefined {
  const description = experiment.policies[policy] ?? ''
  if (!isLlmdPolicy(policy, description)) return undefined
  const { backend, engine } = deployment(experiment.deployment)
  return simulateStages({
    backends: Array.from({ length: experiment.pods }, () => backend),
    prefixCaching: engine.prefixCaching,
    load: experiment.load,
    measuring: {
      frontEndMs: engine.frontEndMs,
      countedTokenShare: experiment.countedTokenShare,
    },
    router: (requests) => withAgedSignals(llmdPolicy(policy, description, requests), age),
    seeds,
  }).slice(1)
}
