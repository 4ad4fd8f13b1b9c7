import * as z from 'zod'
import { expected, flag, integer, notNegative, oneOf, positive, table } from '../config/fields.js'
import { VISIBILITY_PROFILES } from './visibility-profiles.js'

const [first, ...others] = VISIBILITY_PROFILES.map(({ name }) => name)

function share(): z.ZodNumber {
  const complaint = expected('a number from 0 to 1')
  return z.number(complaint).min(0, complaint).max(1, complaint)
}

/** `[visibility]` of a config, and what `--visibility` takes. */
export const visibilitySchema = table({
  profile: oneOf([first!, ...others])
    .default('exact')
    .describe(
      'What routers see by default: the settings of a stack, see [visibility](visibility.md).',
    ),
  metrics: oneOf(['live', 'polled', 'none'])
    .optional()
    .describe(
      'How waiting, running and KV usage of backends reach routers, "none" for what a router makes of its own requests; default as the profile, "polled" when an interval is given.',
    ),
  metrics_interval_ms: positive()
    .optional()
    .describe('From one sample of the metrics to the next, in ms; default as the profile.'),
  metrics_delay_ms: notNegative()
    .optional()
    .describe('From a sample to the router, in ms; default as the profile.'),
  metrics_drop: share()
    .optional()
    .describe('Share of samples that never arrive; default as the profile.'),
  prefixes: oneOf(['live', 'approximate', 'kv_events', 'none'])
    .optional()
    .describe(
      'How routers know of prefix caches, "approximate" for taking what they sent there to be cached for a time, as `serve` does without KV events; default as the profile.',
    ),
  approximate_ttl_sec: positive()
    .optional()
    .describe('How long what was sent is taken to be cached, in s; 120 with "approximate".'),
  kv_event_delay_ms: notNegative()
    .optional()
    .describe('From a change of a KV cache to the router, in ms; default as the profile.'),
  kv_event_loss: share()
    .optional()
    .describe('Share of messages with KV events that never arrive; default as the profile.'),
  kv_start_empty: flag()
    .optional()
    .describe(
      'Whether routers start after the warm-up, and miss what came before; default as the profile.',
    ),
  kv_clear_on_restart: flag()
    .optional()
    .describe(
      'Whether a backend that restarts says that its cache is empty; default as the profile.',
    ),
  health_delay_ms: notNegative()
    .default(0)
    .describe(
      'From an event of a backend to the time at which routers see it, in ms: the interval of health checks times the failures they wait for. No profile has its own.',
    ),
  routers: integer(1, 1024)
    .default(1)
    .describe('Routers side by side, each with its own state and its share of the requests.'),
  router_split: oneOf(['random', 'round_robin', 'session'])
    .default('random')
    .describe('How requests are dealt out to several routers.'),
  router_sync_ms: notNegative()
    .default(0)
    .describe('From one exchange of loads between routers to the next, in ms; 0 for none.'),
  decision_ms: notNegative().default(0).describe('Time a router takes to decide, in ms.'),
  decision_ms_per_token: notNegative()
    .default(0)
    .describe('The same per prompt token, as for tokenizing, in ms.'),
  query_ms: notNegative()
    .default(0)
    .describe('From a question of a router to a backend to its answer, in ms.'),
  token_error: notNegative()
    .default(0)
    .describe(
      'Error of prompt lengths as routers see them, as the standard deviation of its logarithm: 0 where they tokenize, about 0.2 where they divide characters by four.',
    ),
})

/** Checked settings of `[visibility]`. */
export type VisibilityConfig = z.output<typeof visibilitySchema>
