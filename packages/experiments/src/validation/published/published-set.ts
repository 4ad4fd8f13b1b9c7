import { checkPublishedSteps } from '@routesim/hardware'
import { SCRAPING } from '../llmd/llmd-set.js'
import { simulatePolicy } from '../llmd/simulate-policy.js'
import { rowsOf, type ValidationRow } from '../report/validation-row.js'
import type { PredictionOptions } from '../validation-set.js'
import { PUBLISHED_ROUTING } from './published-routing.js'

/** A set whose figures RouteSim ships. */
export interface ShippedSet {
  readonly name: string
  readonly description: string
  predict(options: PredictionOptions): ValidationRow[]
}

/** Step and token times of engines and kernels. */
export const publishedSteps: ShippedSet = {
  name: 'published-steps',
  description: 'step and token times of engines and kernels',
  predict: () =>
    checkPublishedSteps().flatMap(({ experiment, model, point, metric, predicted, measured }) =>
      rowsOf(
        { set: 'published-steps', experiment, policy: model, stage: point },
        { [metric]: predicted },
        { [metric]: measured },
      ),
    ),
}

/** Routing policies on a real cluster. */
export const publishedRouting: ShippedSet = {
  name: 'published-routing',
  description: 'routing policies on 4 and 8 pods of H100',
  predict: ({ seeds, signalAge = SCRAPING }) =>
    PUBLISHED_ROUTING.flatMap(({ experiment, figures }) =>
      Object.keys(experiment.policies).flatMap((policy) =>
        (simulatePolicy(experiment, policy, signalAge, seeds) ?? []).flatMap((metrics, i) => {
          const rate = experiment.load.stages[i + 1]!.rateRps
          const figure = figures.find((each) => each[0] === policy && each[1] === rate)
          return rowsOf(
            {
              set: 'published-routing',
              experiment: experiment.name,
              policy,
              stage: String(rate),
            },
            metrics,
            figure?.[2] ?? {},
          )
        }),
      ),
    ),
}
