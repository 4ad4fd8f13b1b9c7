import { RouteSimError } from '@routesim/core'
import type { Redis } from 'ioredis'
import type { ExperimentsErrorCode } from '../errors.js'
import { RESULT_VERSION } from '../sweep/point-key.js'
import { loadBullMq, type QueuePackages } from './load-bullmq.js'
import { PASSWORD_HINT, parseQueueUrl } from './queue-url.js'

/** What all keys in Redis begin with. */
export const PREFIX = 'routesim'

/** Set of the versions whose sweeps have used this Redis. */
const VERSIONS_KEY = `${PREFIX}:versions`

const MOST_WAIT_MS = 5000

/** What to do about what Redis answers, by what stands in it. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/NOAUTH|WRONGPASS|invalid password/i, PASSWORD_HINT],
  [/DB index/i, 'Name a database that is there, from 0 on.'],
  [/\bOOM\b/, 'Its memory is full: raise its maxmemory, or give the queue a Redis of its own.'],
  [/\bREADONLY\b/, 'It is a replica: name the primary.'],
  [/\bMISCONF\b/, 'It can not save to its disk: make room there.'],
  [/\bNOREPLICAS\b/, 'Fewer replicas follow it than its min-replicas-to-write.'],
  [/\bNOPERM\b/, `Let its user run all commands on the keys ${PREFIX}:*.`],
]

/** An open connection to the Redis of a queue. */
export interface QueueConnection extends QueuePackages {
  readonly redis: Redis
  /** Where it is, for messages. */
  readonly shown: string
  close(): Promise<void>
}

/** Each version has a queue of its own: runs of another one are never taken by mistake. */
export function queueName(version: string = RESULT_VERSION): string {
  return `runs-${version}`
}

/**
 * Connects. When the connection is lost later on it is made again, however long that takes.
 *
 * @param onNote - hears when the connection is lost and found again
 * @throws RouteSimError `queue_missing`, `queue_invalid`, `queue_unreachable`
 */
export async function connectQueue(
  address: string,
  onNote: (note: string) => void,
): Promise<QueueConnection> {
  const { url, shown } = parseQueueUrl(address)
  const packages = await loadBullMq()
  let isOpen = false
  let isLost = false
  const redis = new packages.Redis(url, {
    lazyConnect: true,
    connectTimeout: MOST_WAIT_MS,
    maxRetriesPerRequest: null,
    // Only what was there once is waited for.
    retryStrategy: (times) => (isOpen ? Math.min(times * 200, MOST_WAIT_MS) : null),
  })
  // BullMQ has connections of its own, for what it waits for.
  const all = [redis]
  const duplicate = redis.duplicate.bind(redis)
  redis.duplicate = (options) => {
    const other = duplicate(options)
    all.push(other)
    return other
  }
  let reason: Error | undefined
  redis.on('error', (error: Error) => {
    reason = error
    if (!isOpen || isLost) return
    isLost = true
    onNote(`queue ${shown}: ${reasonOf(error)}; trying to connect again`)
  })
  redis.on('ready', () => {
    if (isLost) onNote(`queue ${shown}: connected again`)
    isLost = false
  })
  try {
    await redis.connect()
    // Wrong passwords show at the first command only.
    await redis.ping()
    // Where there is no such database, Redis goes on in the first one.
    const { db = 0 } = redis.options
    if (db > 0) await redis.select(db)
  } catch (cause) {
    redis.disconnect()
    const why = reasonOf(reason ?? (cause as Error))
    throw new RouteSimError<ExperimentsErrorCode>(`queue ${shown}: can not connect: ${why}`, {
      code: 'queue_unreachable',
      hint: hintOn(why) ?? 'Is a Redis or Valkey running there?',
      cause,
    })
  }
  isOpen = true
  return {
    ...packages,
    redis,
    shown,
    async close() {
      isOpen = false
      for (const each of all) each.disconnect()
    },
  }
}

/** What Redis answers to a command that it refuses, with a way to mend it; undefined for any other error. */
export function refusalOf(
  { shown }: QueueConnection,
  error: unknown,
): RouteSimError<ExperimentsErrorCode> | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  // Of a script it tells the line, too.
  const why = error.message.replace(/\.? script: .*/s, '').replace(/\.$/, '')
  const hint = hintOn(why)
  return new RouteSimError<ExperimentsErrorCode>(`queue ${shown}: it refuses: ${why}`, {
    code: 'queue_refused',
    ...(hint && { hint }),
    cause: error,
  })
}

/** Says that runs of this version are in the queue. */
export async function announceVersion({ redis }: QueueConnection): Promise<void> {
  await redis.sadd(VERSIONS_KEY, RESULT_VERSION)
}

/** Other versions of which runs wait, with how many. */
export async function waitingOfOthers({
  redis,
  bullmq,
}: QueueConnection): Promise<{ readonly version: string; readonly runs: number }[]> {
  const versions = (await redis.smembers(VERSIONS_KEY)).filter((each) => each !== RESULT_VERSION)
  const counted = versions.sort().map(async (version) => {
    const queue = new bullmq.Queue(queueName(version), { connection: redis, prefix: PREFIX })
    // The connection is ours: what it has to say is heard above.
    queue.on('error', () => {})
    const runs = await queue.getWaitingCount()
    await queue.close()
    return { version, runs }
  })
  return (await Promise.all(counted)).filter(({ runs }) => runs > 0)
}

function hintOn(why: string): string | undefined {
  return HINTS.find(([answer]) => answer.test(why))?.[1]
}

function reasonOf(error: Error): string {
  // Of a name with several addresses, each has failed.
  const { code } = error as NodeJS.ErrnoException
  return error.message === '' ? (code ?? error.name) : error.message
}
