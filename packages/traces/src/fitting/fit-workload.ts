import type { RequestTable } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'
import type { ArrivalsSpec } from '../generating/arrivals-spec.js'
import { groupsOf } from '../generating/labels.js'
import type { ClientSpec, WorkloadSpec } from '../generating/workload-spec.js'
import { findConversations } from './conversations.js'
import { findTickSec, withoutTicks } from './find-tick.js'
import { fitArrivals } from './fit-arrivals.js'
import { fitDistribution } from './fit-distribution.js'
import { fitLabels } from './fit-labels.js'
import { fitPrefixes } from './fit-prefixes.js'
import { fitSessions } from './fit-sessions.js'
import { rounded } from './rounded.js'
import { type SharedBeginnings, sharedBeginnings } from './shared-beginnings.js'
import { type TrafficClass, trafficClasses } from './traffic-classes.js'

/** All that clients are fitted to. */
interface Observed {
  readonly table: RequestTable
  readonly conversations: readonly (readonly number[])[]
  readonly shared: SharedBeginnings
  readonly classes: readonly TrafficClass[]
  /** First turns arrive within, from the first on; 0 when all arrive together. */
  readonly durationSec: number
  /** All arrivals are multiples of so many seconds. */
  readonly tickSec: number | undefined
}

/** What a trace comes to, and what of it is left out. */
export interface TraceFit {
  readonly workload: WorkloadSpec
  /** Columns that say something of which the workload tells nothing, or not of all clients. */
  readonly lost: readonly string[]
}

/**
 * A workload that is like a trace, and holds nothing of it but counts, rates and distributions: no
 * names, no contents, no request. Traffic that must not be drawn independently, such as requests with
 * short and with long shared prefixes, becomes several clients.
 *
 * Conversations are those that the trace names where turns repeat one another; where it names none, they
 * are found in what prompts share. What is not fitted: agents, users who send one after another, and
 * prefixes of more than two levels; declared output limits; and what requests are promised, where a client has
 * more than 16 different classes of it. {@link fitTrace} says which columns of the trace that leaves out.
 * @throws RouteSimError `trace_empty`
 *
 * @example
 * const { table } = await readTrace('private.jsonl')
 * const like = generateTrace(fitWorkload(table))
 */
export function fitWorkload(table: RequestTable): WorkloadSpec {
  return fitTrace(table).workload
}

/**
 * The workload of {@link fitWorkload}, and what it leaves out.
 * @throws RouteSimError `trace_empty`
 *
 * @example
 * const { workload, lost } = fitTrace(table)
 */
export function fitTrace(table: RequestTable): TraceFit {
  if (table.size === 0) throw traceError('trace_empty', 'fit: expected requests, got none')
  const conversations = findConversations(table)
  const starts = conversations.map((rows) => rows[0]!)
  const shared = sharedBeginnings(table, starts)
  const lastMs = table.arrivalMs[starts.at(-1)!]! - table.arrivalMs[0]!
  // The last arrival is as far from the end as arrivals are from one another.
  const count = starts.length
  const durationSec = count === 1 ? 0 : rounded((lastMs / 1000) * (count / (count - 1)), 6)
  const isAtOnce = durationSec === 0
  // Of clients that send everything at once, a limit of requests would leave but the first.
  const classes = isAtOnce
    ? [{ members: starts.map((_, i) => i), outer: -1 }]
    : trafficClasses(table, conversations, shared)
  const tickSec = isAtOnce ? undefined : findTickSec(table.arrivalMs)
  const observed = { table, conversations, shared, classes, durationSec, tickSec }
  const fitted = classes.map((each) => fitClient(observed, each))
  const clients = fitted.map(({ client }, i) => ({
    ...(classes.length > 1 && { name: `client${i}` }),
    ...client,
  }))
  return {
    workload: { seed: 0, ...(isAtOnce ? { requests: table.size } : { durationSec }), clients },
    lost: [...new Set([...lostOfAll(table, clients), ...fitted.flatMap(({ lost }) => lost)])],
  }
}

/** Columns that no client tells of. */
function lostOfAll(table: RequestTable, clients: readonly ClientSpec[]): string[] {
  const { maxTokens, session, predecessor, joinRow, anyEnd } = table
  const waits = clients.some(({ sessions }) => sessions && sessions.next !== 'after_arrival')
  const isLost = {
    maxTokens: maxTokens.some((tokens) => tokens > 0),
    session: session.some((name) => name >= 0) && !clients.some(({ sessions }) => sessions),
    predecessor: predecessor?.some((row) => row >= 0) === true && !waits,
    joins: (joinRow?.length ?? 0) > 0,
    anyEnd: anyEnd?.some((flag) => flag === 1) === true,
  }
  return Object.entries(isLost).flatMap(([column, lost]) => (lost ? column : []))
}

function fitClient(
  observed: Observed,
  { members, outer }: TrafficClass,
): { readonly client: ClientSpec; readonly lost: readonly string[] } {
  const { table, conversations, shared, classes } = observed
  const own = members.map((i) => conversations[i]!)
  const firsts = own.map((rows) => rows[0]!)
  const { labels, lost } = fitLabels(table, firsts)
  const alike = outer < 0 ? [] : classes.filter((each) => each.outer === outer)
  const { levels, tokensOf } = fitPrefixes(
    shared,
    members,
    outer < 0 ? members : alike.flatMap((each) => each.members),
    alike.length > 1 ? `shared${outer}-` : undefined,
    labels.adapters === undefined ? 1 : groupsOf(labels.adapters),
  )
  const sessions = fitSessions(table, own)
  const lengths = Float64Array.from(members, (i, at) =>
    Math.max(1, table.promptTokens[firsts[at]!]! - tokensOf(i)),
  )
  const prompt = fitDistribution(lengths, true)
  const outputs = own.flatMap((rows) => rows.map((row) => table.outputTokens[row]!))
  const client = {
    arrivals: arrivalsOf(observed, firsts),
    ...(levels.length > 0 ? { uniqueTokens: prompt, prefixes: levels } : { promptTokens: prompt }),
    outputTokens: fitDistribution(Float64Array.from(outputs), true),
    ...(sessions && { sessions }),
    ...labels,
  }
  return { client, lost }
}

function arrivalsOf(
  { table, durationSec, tickSec }: Observed,
  rows: readonly number[],
): ArrivalsSpec {
  if (durationSec === 0) return { kind: 'at_once' }
  const start = table.arrivalMs[0]!
  const ms = Float64Array.from(rows, (row) => table.arrivalMs[row]! - start)
  if (tickSec === undefined) return fitArrivals(ms, durationSec)
  return { ...fitArrivals(withoutTicks(ms, tickSec), durationSec), tickSec }
}
