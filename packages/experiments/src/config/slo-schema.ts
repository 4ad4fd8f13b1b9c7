import type { SloOptions } from '@routesim/metrics'
import * as z from 'zod'
import { expected, flag, integer, positive, show, table } from './fields.js'

const targets = {
  ttft_ms: positive().optional().describe('Time to the first token at most, in ms.'),
  tpot_ms: positive()
    .optional()
    .describe('Mean time per output token after the first at most (AIPerf calls it ITL), in ms.'),
  e2e_ms: positive().optional().describe('Time to the last token at most, in ms.'),
}

const SHARE = 'a number > 0 and <= 1'
const share = z.number(expected(SHARE)).refine((value) => value > 0 && value <= 1, {
  error: (issue) => `expected ${SHARE}, got ${show(issue.input)}`,
})

/** What requests are promised, and to whom. */
export const sloSection = table({
  ...targets,
  attainment: share
    .default(0.99)
    .describe('Share of requests that must meet all their targets for a fleet to be enough.'),
  of_requests: flag()
    .default(false)
    .describe(
      'Whether what requests ask for themselves (ttft_ms, deadline_ms of a trace or of [[workload.classes]]) goes before all targets here.',
    ),
  tenants: z
    .record(
      z.string(),
      table({
        ...targets,
        weight: positive()
          .optional()
          .describe('What the tenant is entitled to, relative to others; 1 when absent.'),
      }),
      expected('tables such as [slo.tenants.gold]'),
    )
    .default({})
    .describe('Targets of tenants, which go before those of classes and of all.'),
  classes: z
    .record(
      z.string(),
      table({
        ...targets,
        priority: integer(-0x80000000).describe('Priority of the requests of the class.'),
      }),
      expected('tables such as [slo.classes.interactive]'),
    )
    .superRefine((classes, context) => {
      if (!Object.hasOwn(classes, 'other')) return
      context.addIssue({
        code: 'custom',
        path: ['other'],
        message: 'expected another name, since requests of no class are called so',
      })
    })
    .default({})
    .describe('Targets of the requests of one priority, which go before those of all.'),
})

type SloSection = z.output<typeof sloSection>
type Targets = Pick<SloSection, 'ttft_ms' | 'tpot_ms' | 'e2e_ms'>

/** The section as the metrics take it. */
export function sloOptions(section: SloSection): SloOptions {
  const { tenants, classes, of_requests: ofRequests, ...all } = section
  return {
    ...targetsOf(all),
    ...(ofRequests && { ofRequests }),
    tenants: mapValues(tenants, (own) => ({ ...targetsOf(own), weight: own.weight })),
    classes: mapValues(classes, (own) => ({ ...targetsOf(own), priority: own.priority })),
  }
}

function targetsOf({ ttft_ms: ttftMs, tpot_ms: tpotMs, e2e_ms: e2eMs }: Targets) {
  return { ttftMs, tpotMs, e2eMs }
}

function mapValues<In, Out>(
  record: Readonly<Record<string, In>>,
  map: (value: In) => Out,
): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
}
