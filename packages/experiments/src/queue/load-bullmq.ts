import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { importOptional } from './import-optional.js'

/** The queue and the Redis client under it, which only those load who share a sweep. */
export interface QueuePackages {
  readonly bullmq: typeof import('bullmq')
  readonly Redis: typeof import('ioredis').Redis
}

/** @throws RouteSimError `queue_missing`, with the command that installs them */
export async function loadBullMq(): Promise<QueuePackages> {
  try {
    const [bullmq, { Redis }] = await Promise.all([
      importOptional(() => import('bullmq'), 'bullmq'),
      importOptional(() => import('ioredis'), 'ioredis'),
    ])
    return { bullmq, Redis }
  } catch (cause) {
    throw new RouteSimError<ExperimentsErrorCode>(
      'queue: expected the packages bullmq and ioredis to be installed, they are not',
      { code: 'queue_missing', hint: 'Run npm install bullmq@6 ioredis@6 once.', cause },
    )
  }
}
