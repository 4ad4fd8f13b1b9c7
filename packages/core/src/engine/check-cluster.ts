import { type BatchingPolicy, isLockstep, type PreemptionMode } from '../backend/engine-policies.js'
import { isPolling } from '../backend/mailboxes.js'
import { RouteSimError } from '../errors/routesim-error.js'
import { shownIfAny } from '../errors/shown.js'
import type { BackendRole } from '../routing/cluster-view.js'
import {
  checkGiven,
  checkInteger,
  checkName,
  checkNumber,
  checkShare,
  invalidOption,
  MOST_IN_COLUMN,
} from './option-checks.js'
import type { BackendSpec, ClusterSpec, KvContention, KvTransfer } from './simulation-options.js'

const ROLES: Readonly<Record<BackendRole, true>> = { both: true, prefill: true, decode: true }
const BATCHING: Readonly<Record<BatchingPolicy, true>> = { mixed: true, prefill_first: true }
const PREEMPTION: Readonly<Record<PreemptionMode, true>> = {
  recompute_newest: true,
  retract_shortest: true,
  swap: true,
  evict_all: true,
  reserve_all: true,
}
const CONTENTION: Readonly<Record<KvContention, true>> = { none: true, exclusive: true }

const LATENCY_HINT = 'Make one with @routesim/hardware, as with rooflineLatency().'

/** Checks what the types can not say of backends and what connects them. @throws RouteSimError `options_invalid` */
export function checkCluster(cluster: ClusterSpec): void {
  checkGiven('cluster', cluster, 'an object of backends and kvCache')
  const { backends, kvCache, kvTransfer } = cluster
  if (!Array.isArray(backends)) throw invalidOption('cluster.backends', 'an array', backends)
  if (typeof kvCache !== 'function') {
    throw new RouteSimError(
      `cluster.kvCache: expected a function that makes the KV caches, got ${shownIfAny(kvCache)}`,
      {
        code: 'options_invalid',
        path: 'cluster.kvCache',
        hint: 'Give radixKvCache() of @routesim/hardware, or another.',
      },
    )
  }
  if (backends.length === 0) throw invalidOption('cluster.backends', 'at least one backend', 0)
  backends.forEach((backend, i) => {
    checkBackend(backend, `cluster.backends[${i}]`)
  })
  if (kvTransfer !== undefined) checkTransfer(kvTransfer, 'cluster.kvTransfer')
}

function checkBackend(backend: BackendSpec, path: string): void {
  checkGiven(path, backend, 'an object of role, latency, kv and limits')
  checkName(`${path}.role`, backend.role, ROLES)
  const { latency, kv } = backend
  checkGiven(`${path}.latency`, latency, 'a latency model', ['stepMs', 'segment'], LATENCY_HINT)
  checkGiven(`${path}.kv`, kv, 'an object of blocks and blockTokens')
  checkName(`${path}.batching`, backend.batching ?? 'mixed', BATCHING)
  checkName(`${path}.preemption`, backend.preemption ?? 'recompute_newest', PREEMPTION)
  checkInteger(`${path}.maxBatchTokens`, backend.maxBatchTokens, 1, MOST_IN_COLUMN)
  checkInteger(`${path}.maxNumSeqs`, backend.maxNumSeqs, 1, MOST_IN_COLUMN)
  checkInteger(`${path}.maxQueueDepth`, backend.maxQueueDepth, 1)
  checkInteger(`${path}.maxModelLen`, backend.maxModelLen ?? 1, 1)
  checkInteger(`${path}.dp`, backend.dp ?? 1, 1)
  checkInteger(`${path}.pollSteps`, backend.pollSteps ?? 1, 1, MOST_IN_COLUMN)
  if (isLockstep(backend) && isPolling(backend))
    throw invalidOption(`${path}.pollSteps`, '1 for ranks in lockstep', backend.pollSteps)
  if (backend.promptsTogether !== undefined) {
    const { timeoutSteps, batchingSteps } = backend.promptsTogether
    if (!isLockstep(backend))
      throw invalidOption(`${path}.promptsTogether`, 'ranks in lockstep', undefined)
    checkInteger(`${path}.promptsTogether.timeoutSteps`, timeoutSteps, 1, MOST_IN_COLUMN)
    checkInteger(`${path}.promptsTogether.batchingSteps`, batchingSteps, 0, MOST_IN_COLUMN)
  }
  checkNumber(`${path}.kvBytesPerToken`, backend.kvBytesPerToken ?? 0)
  checkNumber(`${path}.kvBytesPerRequest`, backend.kvBytesPerRequest ?? 0)
  checkShare(`${path}.kvLinkShare`, backend.kvLinkShare ?? 1)
  checkInteger(`${path}.kvLayers`, backend.kvLayers ?? 1, 1)
  checkNumber(`${path}.frontEndMs`, backend.frontEndMs ?? 0)
  checkNumber(`${path}.swapMsPerToken`, swapMsPerTokenOf(backend))
  checkShare(`${path}.reservedOutputShare`, backend.reservedOutputShare ?? 0)
  checkInteger(`${path}.kv.blocks`, backend.kv.blocks, 1, MOST_IN_COLUMN)
  checkInteger(`${path}.kv.blockTokens`, backend.kv.blockTokens, 1, MOST_IN_COLUMN)
  if (backend.adapters !== undefined) {
    checkInteger(`${path}.adapters.slots`, backend.adapters.slots, 1)
    checkNumber(`${path}.adapters.loadMs`, backend.adapters.loadMs)
  }
  backend.kv.tiers?.forEach((tier, j) => {
    checkInteger(`${path}.kv.tiers[${j}].blocks`, tier.blocks, 1)
    checkNumber(`${path}.kv.tiers[${j}].latencyMs`, tier.latencyMs)
    checkNumber(`${path}.kv.tiers[${j}].msPerBlock`, tier.msPerBlock)
  })
}

/** Only those who swap must say how long it takes. */
function swapMsPerTokenOf({ preemption, swapMsPerToken }: BackendSpec): number {
  return swapMsPerToken ?? (preemption === 'swap' ? Number.NaN : 0)
}

function checkTransfer(transfer: KvTransfer, path: string): void {
  const { latencyMs, bandwidthBytesPerSec, bytesPerToken, overlappedLayers = 1 } = transfer
  checkNumber(`${path}.latencyMs`, latencyMs)
  if (!(bandwidthBytesPerSec > 0))
    throw invalidOption(`${path}.bandwidthBytesPerSec`, 'a number > 0', bandwidthBytesPerSec)
  checkNumber(`${path}.bytesPerToken`, bytesPerToken)
  checkName(`${path}.contention`, transfer.contention ?? 'none', CONTENTION)
  checkInteger(`${path}.overlappedLayers`, overlappedLayers, 1)
}
