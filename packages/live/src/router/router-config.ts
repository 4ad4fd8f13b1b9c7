import { closestName, RouteSimError } from '@routesim/core'
import { type ConfigKey, schemaReference } from '@routesim/experiments'
import * as z from 'zod'
import { rankEndpoint } from '../kv-events/rank-endpoint.js'
import type { LiveErrorCode } from '../live-error-code.js'
import { MEDIA_TOKENS } from '../tokens/prompt-tokens.js'

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'object' && value !== null ? 'a table or list' : JSON.stringify(value)
}

function expected(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: ({ input }) => `expected ${what}, got ${show(input)}` }
}

function integer(min: number, max: number = 2 ** 31 - 1) {
  const complaint = expected(`an integer from ${min} to ${max}`)
  return z.number(complaint).int(complaint).min(min, complaint).max(max, complaint)
}

const url = z
  .string(expected('a URL'))
  .refine(isHttpUrl, expected('a URL such as http://host:8000, without a path or a password'))

const zmq = z
  .string(expected('a ZMQ address'))
  .refine(isZmqAddress, expected('a ZMQ address such as tcp://host:5557'))

const origin = z
  .string(expected('an origin'))
  .regex(
    /^(\*|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/,
    expected('an origin such as https://app.example.com, without a path, or "*"'),
  )

/** One worker behind the router. */
const worker = z.strictObject({
  url: url.describe('Base address, without /v1.'),
  role: z
    .enum(['both', 'prefill', 'decode'], expected('"both", "prefill" or "decode"'))
    .default('both')
    .describe('Whether it takes whole requests, prompts only, or answers only.'),
  model: z.string().optional().describe('Model it serves; default what its /v1/models says.'),
  api_key_file: z
    .string(expected('the path of a file'))
    .min(1, expected('the path of a file'))
    .optional()
    .describe('File with the key that it asks for, read at the start and at each reload.'),
  kv_events: zmq.optional().describe('ZMQ address of its KV events, tcp://host:port.'),
  kv_replay: zmq.optional().describe('ZMQ address where lost events are asked for.'),
  data_parallel_size: integer(1, 65535)
    .default(1)
    .describe(
      'Data-parallel ranks behind its address: KV events and replay of rank 1 are one port further, and so on.',
    ),
  max_queue_depth: integer(1)
    .default(2 ** 31 - 1)
    .describe('Requests that may wait there.'),
  max_num_seqs: integer(1).default(256).describe('Requests in one batch at most.'),
  max_batch_tokens: integer(1).default(8192).describe('Tokens in one step at most.'),
  kv_tokens: integer(0)
    .default(0)
    .describe('Tokens its KV cache has room for, where its metrics do not say; 0 for unknown.'),
})

/** A worker that stands there twice would get twice its share, and count as two. */
function refuseTwice(workers: readonly { url: string }[], context: z.RefinementCtx): void {
  const seen = new Map<string, number>()
  for (const [i, { url: text }] of workers.entries()) {
    if (!isHttpUrl(text)) continue
    const { origin } = new URL(text)
    const first = seen.get(origin)
    if (first === undefined) {
      seen.set(origin, i)
      continue
    }
    context.addIssue({
      code: 'custom',
      path: [i, 'url'],
      message: `expected each worker once, got ${show(text)} beside ${show(workers[first]!.url)} of workers.${first}`,
    })
  }
}

type Ranks = Pick<z.output<typeof worker>, 'kv_events' | 'kv_replay' | 'data_parallel_size'>

/** An address that two ranks share would have one hold what the other does. */
function refuseSharedEvents(workers: readonly Ranks[], context: z.RefinementCtx): void {
  const owners = new Map<string, string>()
  for (const [i, worker] of workers.entries()) {
    const { data_parallel_size: ranks } = worker
    for (const key of ['kv_events', 'kv_replay'] as const) {
      const first = worker[key]
      if (!zmq.safeParse(first).success || !(ranks >= 1 && ranks <= 65535)) continue
      const refuse = (message: string): void =>
        context.addIssue({ code: 'custom', path: [i, key], message })
      const endpoints = Array.from({ length: ranks }, (_, rank) => rankEndpoint(first!, rank))
      if (ranks > 1 && !hasPort(endpoints.at(-1)!)) {
        refuse(`expected a TCP address with a port for each of ${ranks} ranks, got ${show(first)}`)
        continue
      }
      for (const [rank, endpoint] of endpoints.entries()) {
        const owner = `${key} of rank ${rank} of workers.${i}`
        const other = owners.get(endpoint)
        owners.set(endpoint, owner)
        if (other === undefined) continue
        refuse(`expected an address of its own for each, got ${endpoint} for ${owner} and ${other}`)
        break
      }
    }
  }
}

function isZmqAddress(text: string): boolean {
  return hasPort(text) || /^ipc:\/\/./.test(text)
}

function hasPort(endpoint: string): boolean {
  const [, port] = /^tcp:\/\/[\w.:;%[\]-]+:(\d{1,5})$/.exec(endpoint) ?? []
  return Number(port) >= 1 && Number(port) <= 65535
}

/** Everything a router can be told. Every default stands here. */
export const routerConfigSchema = z.strictObject({
  workers: z
    .array(worker, expected('a list of [[workers]]'))
    .min(1, expected('at least one worker'))
    .superRefine(refuseTwice)
    .superRefine(refuseSharedEvents)
    .describe('At least one, each under an address of its own.'),
  algorithm: z
    .string(expected('the name of an algorithm'))
    .default('dynamo_kv')
    .describe('Routing algorithm, name@preset:parameter=value,... as in simulations.'),
  seed: integer(0).default(42).describe("Of the algorithm's random choices."),
  kv_index: z
    .enum(['events', 'approximate', 'none'], expected('"events", "approximate" or "none"'))
    .default('approximate')
    .describe(
      'What is known of prefix caches: what workers publish, what was sent there, nothing.',
    ),
  kv_topic: z.string().default('').describe('Topic of KV events.'),
  block_tokens: integer(1, 65536).default(16).describe('Tokens of a KV block of the workers.'),
  media_tokens: integer(32, 65536)
    .default(MEDIA_TOKENS)
    .describe('Tokens that each picture, recording, video or file in a message is taken for.'),
  approximate_ttl_sec: z
    .number()
    .positive()
    .default(120)
    .describe('approximate: how long what was sent is taken to be cached.'),
  metrics_interval_ms: integer(0)
    .default(0)
    .describe("How often workers' /metrics is read; 0 for never: load is this router's own count."),
  health_interval_ms: integer(10).default(1000).describe("How often workers' /health is asked."),
  models_interval_ms: integer(10)
    .default(10_000)
    .describe(
      "How often workers' /v1/models is asked, with their health; where it can not be read, each time.",
    ),
  health_timeout_ms: integer(1).default(2000).describe('How long an answer to that may take.'),
  breaker_failures: integer(1)
    .default(3)
    .describe('Failures in a row after which a worker gets no more requests.'),
  breaker_open_ms: integer(1).default(5000).describe('For how long, before one is tried.'),
  connect_timeout_ms: integer(1).default(2000).describe('Time to connect to a worker.'),
  first_byte_timeout_ms: integer(1)
    .default(300_000)
    .describe(
      'Time from a request to the first byte of a stream; an answer that is not streamed has request_timeout_ms.',
    ),
  idle_timeout_ms: integer(1).default(60_000).describe('Time between two parts of a response.'),
  request_timeout_ms: integer(1).default(3_600_000).describe('Time for a whole request.'),
  client_timeout_ms: integer(1)
    .default(60_000)
    .describe('Time for a client to send its request, and to take something of the response.'),
  allowed_origins: z
    .array(origin, expected('a list of origins'))
    .default(['*'])
    .describe(
      'Origins of web pages that may send requests, but to the admin port; default "*", any.',
    ),
  max_attempts: integer(1, 100).default(3).describe('Workers that are tried for one request.'),
  max_in_flight: integer(1).default(10_000).describe('Requests under way; one more gets 503.'),
  max_body_bytes: integer(1).default(33_554_432).describe('Bytes of a request.'),
  max_buffered_bytes: integer(1)
    .default(1_073_741_824)
    .describe('Bytes of all requests under way; more get 503.'),
  drain_ms: integer(0)
    .default(30_000)
    .describe('How long requests under way may go on after SIGTERM.'),
  decisions: integer(0, 1_000_000)
    .default(1000)
    .describe('Last decisions kept for GET /decisions.'),
})

/** Every key of a router's config in the order of the schema. */
export function routerConfigReference(): ConfigKey[] {
  return schemaReference(routerConfigSchema)
}

/** What a router can not change while it runs: what it knows, and its servers, were made for it. */
export const FIXED_KEYS = [
  'block_tokens',
  'kv_index',
  'kv_topic',
  'approximate_ttl_sec',
  'client_timeout_ms',
  'decisions',
  'seed',
] as const satisfies readonly (keyof RouterConfig)[]

/** A checked config with every default filled in. */
export type RouterConfig = z.output<typeof routerConfigSchema>
/** The same before it is checked. */
export type RouterConfigInput = z.input<typeof routerConfigSchema>
/** One worker of it. */
export type WorkerConfig = RouterConfig['workers'][number]

/**
 * Checks a config.
 * @param name - what error messages call it
 * @throws RouteSimError `options_invalid`
 */
export function checkRouterConfig(values: unknown, name = 'router'): RouterConfig {
  const checked = routerConfigSchema.safeParse(values)
  if (checked.success) return checked.data
  throw new RouteSimError<LiveErrorCode>(
    checked.error.issues.map((i) => describe(i, name)).join('\n'),
    {
      code: 'options_invalid',
      path: name,
    },
  )
}

/**
 * Checks that a config can take the place of another while the router runs.
 * @throws RouteSimError `options_invalid`
 */
export function checkReload(before: RouterConfig, after: RouterConfig): void {
  const key = FIXED_KEYS.find((each) => before[each] !== after[each])
  if (key === undefined) return
  throw new RouteSimError<LiveErrorCode>(
    `${key}: expected ${show(before[key])} as before, got ${show(after[key])}`,
    { code: 'options_invalid', hint: 'Restart the router to change that.' },
  )
}

function describe(issue: z.core.$ZodIssue, name: string): string {
  const path = issue.path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') return `${name} ${path}: ${issue.message}`
  const known = Object.keys((path === '' ? routerConfigSchema : worker).shape)
  const near = closestName(issue.keys[0]!, known)
  const mend =
    near === undefined ? `expected one of ${known.join(', ')}` : `did you mean "${near}"?`
  return `${name} ${[path, issue.keys[0]].filter(Boolean).join('.')}: unknown key; ${mend}`
}

function isHttpUrl(text: string): boolean {
  try {
    const { protocol, pathname, search, hash, username, password } = new URL(text)
    const isBare = [search, hash, username, password].every((part) => part === '')
    return /^https?:$/.test(protocol) && isBare && /^\/*$/.test(pathname)
  } catch {
    return false
  }
}
