import { RouteSimError } from '@routesim/core'
import {
  AGENT_CONTEXTS,
  ARRIVAL_KINDS,
  checkWorkload,
  DISTRIBUTION_KINDS,
  PREFIX_OWNERS,
  TURN_TIMES,
} from '@routesim/traces'
import * as z from 'zod'
import { expected, integer, notNegative, oneOf, positive, table, text } from '../config/fields.js'
import { toWorkload, withoutFiles } from './to-workload.js'

const numbers = z.array(z.number(expected('a number')), expected('a list of numbers'))

const names = z.array(text(), expected('a list of names'))

const distributionTable = table(
  {
    kind: oneOf(DISTRIBUTION_KINDS).describe('How the numbers spread.'),
    value: notNegative().optional().describe('fixed: the number itself.'),
    mean: notNegative()
      .optional()
      .describe('normal, lognormal, exponential, geometric: the mean, before min and max clip it.'),
    std: notNegative().optional().describe('normal, lognormal: the standard deviation.'),
    min: z
      .number(expected('a number'))
      .optional()
      .describe('uniform, zipf: the least; of others, lower numbers become it.'),
    max: z
      .number(expected('a number'))
      .optional()
      .describe('uniform, zipf: the most; of others, higher numbers become it.'),
    exponent: notNegative().optional().describe('zipf: k is drawn in proportion to k^-exponent.'),
    values: numbers.optional().describe('empirical: the numbers that are drawn.'),
    weights: numbers
      .optional()
      .describe('empirical: how often each is drawn, in proportion; all alike when absent.'),
    path: text()
      .optional()
      .describe(
        'empirical: file of the numbers instead: one per line, or number and weight with a comma between, or a JSON list, or a JSON object of weights by number. Relative to the working directory or to the config file.',
      ),
  },
  'a number or a table',
)
  .superRefine(({ kind, path, values, weights }, context) => {
    if (
      path === undefined ||
      (kind === 'empirical' && values === undefined && weights === undefined)
    ) {
      return
    }
    const message = 'expected a path with kind = "empirical", and no values or weights beside it'
    context.addIssue({ code: 'custom', path: ['path'], message })
  })
  .meta({ id: 'distribution' })

const distribution = z.preprocess(
  (value) => (typeof value === 'number' ? { kind: 'fixed', value } : value),
  distributionTable,
)

const choice = table({
  names: names.optional().describe('The names themselves, instead of count.'),
  count: integer(1).optional().describe('So many names, such as "tenant0", "tenant1"...'),
  weights: numbers
    .optional()
    .describe('How often each name is taken, in proportion; all alike when absent.'),
  zipf_exponent: notNegative()
    .optional()
    .describe('The k-th name is taken in proportion to k^-exponent, instead of weights.'),
  share: positive()
    .max(1, expected('a number > 0 and <= 1'))
    .optional()
    .describe('Part of the requests, or conversations, that have such a name; all when absent.'),
}).meta({ id: 'choice' })

const stage = table({
  duration_sec: positive().describe('Length of the stage, in seconds.'),
  rate_rps: notNegative().describe('Requests per second, at its start.'),
  to_rate_rps: notNegative().optional().describe('The rate at its end; the same when absent.'),
})

const onOff = table({
  on_rate_rps: positive().describe('Requests per second within bursts.'),
  off_rate_rps: notNegative().default(0).describe('Requests per second between bursts.'),
  on_sec: positive().describe('Length of a burst, in seconds; the mean, for exponential lengths.'),
  every_sec: positive().describe('From the start of a burst to the next, in seconds; likewise.'),
  lengths: oneOf(['fixed', 'exponential'])
    .default('fixed')
    .describe('Whether bursts come regularly or at random; at random with poisson is an MMPP.'),
})

const diurnal = table({
  peak_rate_rps: positive().describe('Highest rate, in requests per second.'),
  trough_rate_rps: notNegative().describe('Lowest rate, in requests per second.'),
  period_sec: positive().describe('Period of the sine, which starts halfway up, in seconds.'),
})

const arrivals = table({
  kind: oneOf(ARRIVAL_KINDS)
    .default('poisson')
    .describe(
      'Gaps between arrivals of requests, or of first turns; "at_once": all at the beginning; "users": so many users, each of whom sends one conversation after another.',
    ),
  cv: positive()
    .optional()
    .describe('gamma, weibull: coefficient of variation of the gaps; 1 is poisson.'),
  rate_rps: positive()
    .optional()
    .describe('Requests per second. With users: each sends a turn every users / rate_rps seconds.'),
  users: integer(1).optional().describe('users: how many.'),
  stages: z
    .array(stage, expected('tables [[workload.arrivals.stages]]'))
    .optional()
    .describe('Rates one after another, instead of rate_rps: steps, ramps, ladders.'),
  on_off: onOff.optional().describe('Two rates in turn, instead of rate_rps.'),
  diurnal: diurnal.optional().describe('A rate that follows a sine, instead of rate_rps.'),
  tick_sec: positive()
    .optional()
    .describe(
      'Requests come together, at multiples of so many seconds; so do turns after_arrival.',
    ),
})

const prefixLevel = table({
  name: text()
    .optional()
    .describe('Name of the level; clients that name a level alike have the same prefixes.'),
  count: integer(1).optional().describe('Number of prefixes, of which one is drawn.'),
  by: oneOf(PREFIX_OWNERS)
    .optional()
    .describe(
      'Instead of count: each tenant, user, model or adapter has its own, and requests without one have one together.',
    ),
  tokens: distribution.describe('Tokens that the level adds; each prefix has one length.'),
  zipf_exponent: notNegative()
    .optional()
    .describe('The k-th prefix is drawn in proportion to k^-exponent; all alike when absent.'),
})

const agents = table({
  probability: notNegative().describe('Part of the turns that set off agents, 0 to 1.'),
  children: distribution.describe('Agents that start at once.'),
  calls: distribution.describe('Calls of an agent.'),
  tool_time_sec: distribution.describe('Time of a tool between calls, in seconds.'),
  new_tokens: distribution.describe("Tokens that a tool's result adds to the prompt."),
  context: oneOf(AGENT_CONTEXTS)
    .default('own')
    .describe('Whether an agent starts with a prompt of its own, or the conversation so far.'),
  prompt_tokens: distribution.optional().describe('own: tokens of the first prompt.'),
  shared_tokens: integer(0)
    .optional()
    .describe('own: tokens before these with which all agents begin; none when absent.'),
  max_depth: integer(1).default(1).describe('1: agents set off no agents; 2: theirs do not; ...'),
})

const sessions = table({
  turns: distribution.describe('Requests of a conversation.'),
  new_tokens: distribution.describe(
    'Tokens a later turn adds to prompt and answer of the turn before.',
  ),
  think_time_sec: distribution
    .optional()
    .describe('Time between turns (thinking, a tool at work), in seconds; none when absent.'),
  next: oneOf(TURN_TIMES)
    .optional()
    .describe(
      'Whether a turn comes that long after the answer ("after_answer", also when absent), after the turn before was sent ("after_arrival"), or so but not before the answer ("on_schedule").',
    ),
  max_prompt_tokens: integer(1)
    .default(131_072)
    .describe('A conversation ends before a turn with a longer prompt, in tokens.'),
  max_sessions: integer(1)
    .optional()
    .describe('Conversations that start at most; no limit when absent.'),
  agents: agents.optional().describe('Agents that turns set off.'),
})

const serviceClass = table({
  name: text().describe('Name of the class.'),
  weight: notNegative().default(1).describe('Part of the requests, in proportion.'),
  priority: integer(-1_000_000_000).optional().describe('Larger is more urgent; 0 when absent.'),
  ttft_ms: integer(1)
    .optional()
    .describe('Time to the first token that is asked for, in ms; none when absent.'),
  deadline_ms: notNegative()
    .optional()
    .describe('Time within which the answer should be complete, in ms.'),
})

const clientShape = {
  arrivals: arrivals.optional().describe('How requests arrive.'),
  prompt_tokens: distribution.optional().describe('Tokens of prompts, shared prefixes among them.'),
  unique_tokens: distribution
    .optional()
    .describe('Tokens of prompts beyond shared prefixes, instead of prompt_tokens.'),
  output_tokens: distribution.optional().describe('Tokens of answers, 0 for none.'),
  prefixes: z
    .array(prefixLevel, expected('tables [[workload.prefixes]]'))
    .optional()
    .describe('What prompts begin with, one table per level, each within the one before.'),
  sessions: sessions.optional().describe('Conversations; single requests when absent.'),
  tenants: choice.optional().describe('Tenants of requests; none when absent.'),
  users: choice.optional().describe('Users; of every tenant its own, if there are tenants.'),
  models: choice.optional().describe('Models that requests ask for.'),
  adapters: choice.optional().describe('LoRA adapters that requests ask for.'),
  priorities: distribution.optional().describe('Priorities; larger is more urgent.'),
  classes: z
    .array(serviceClass, expected('tables [[workload.classes]]'))
    .optional()
    .describe('Classes of service.'),
}

const client = table({
  name: text().describe('Name of the client, part of the names of its random streams.'),
  ...clientShape,
})

/** The `[workload]` section. */
export const workloadSection = table({
  concurrency: integer(1)
    .optional()
    .describe(
      'Requests in flight at most: others wait at the client. Of a trace that is read too; no limit when absent.',
    ),
  duration_sec: positive()
    .optional()
    .describe('Requests, or first turns, arrive before, in seconds.'),
  requests: integer(1)
    .optional()
    .describe('So many requests at most; the last conversation is complete.'),
  ...clientShape,
  clients: z
    .array(client, expected('tables [[workload.clients]]'))
    .optional()
    .describe('Kinds of traffic side by side: any key of [workload], the others as there.'),
})

/** A checked `[workload]` section. */
export type WorkloadSection = z.output<typeof workloadSection>

/** The section with everything checked that its parts do not say each on its own. */
export const checkedWorkload = workloadSection.superRefine((section, context) => {
  const spec = toWorkload(withoutFiles(section), 0)
  if (spec === undefined) {
    for (const key of ['duration_sec', 'requests', ...Object.keys(clientShape)] as const) {
      if (section[key as keyof typeof section] === undefined) continue
      const message = 'expected [workload.arrivals] or [[workload.clients]] beside it, got none'
      context.addIssue({ code: 'custom', path: [key], message })
      return
    }
    return
  }
  try {
    checkWorkload(spec)
  } catch (error) {
    if (!(error instanceof RouteSimError)) throw error
    const path = pathInSection(error.path ?? '', section)
    const message = snakeCase(error.message.slice((error.path ?? '').length + 2))
    context.addIssue({ code: 'custom', path, message })
  }
})

/** `clients[0].arrivals.rateRps` as a path of the section; a key that clients inherit stands above them. */
export function pathInSection(
  path: string,
  section: { readonly clients?: readonly object[] | undefined },
): (string | number)[] {
  const keys = snakeCase(path)
    .split(/[.[\]]+/)
    .filter((key) => key !== '')
    .map((key) => (/^\d+$/.test(key) ? Number(key) : key))
  const [first, index, key] = keys
  if (first !== 'clients' || typeof index !== 'number') return keys
  const own = section.clients?.[index]
  const isInherited = key !== undefined && own !== undefined && !(key in own) && key in section
  return own === undefined || isInherited ? keys.slice(2) : keys
}

/** Names in the library's spelling as they are in a config. */
export function snakeCase(text: string): string {
  return text.replace(
    /([a-z])([A-Z])/g,
    (_, before: string, letter: string) => `${before}_${letter.toLowerCase()}`,
  )
}
