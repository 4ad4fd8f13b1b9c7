import type { ArrivalsSpec } from './arrivals-spec.js'
import type { Distribution } from './distribution.js'

/** Which of some names, or of so many numbered ones. */
export interface Choice {
  /** The names themselves, instead of `count`. */
  readonly names?: readonly string[] | undefined
  /** So many names: `tenant0`, `tenant1`... */
  readonly count?: number | undefined
  /** How often each name is taken, in proportion; instead of `zipfExponent`. */
  readonly weights?: readonly number[] | undefined
  /** The k-th name is taken in proportion to k^-exponent; absent or 0: all alike. */
  readonly zipfExponent?: number | undefined
  /** Part of the requests that have such a name, above 0 and at most 1; absent: all. */
  readonly share?: number | undefined
}

/** Names on which a shared prefix may depend. */
export const PREFIX_OWNERS = ['tenant', 'user', 'model', 'adapter'] as const

/** A name on which a shared prefix may depend. */
export type PrefixOwner = (typeof PREFIX_OWNERS)[number]

/** One level of what prompts begin with, within that of the level before. */
export interface PrefixLevel {
  /** What its prefixes are called, with a number each; absent: `p`, after the name of the client. */
  readonly name?: string | undefined
  /** Number of prefixes, of which one is drawn; instead of `by`. */
  readonly count?: number | undefined
  /**
   * Each tenant (user, model, adapter) has a prefix of its own, that follows from its name; those without one
   * have one together.
   */
  readonly by?: PrefixOwner | undefined
  /** Tokens that this level adds: each prefix has one length, drawn once. */
  readonly tokens: Distribution
  /** With `count`: the k-th prefix is drawn in proportion to k^-exponent; absent or 0: all alike. */
  readonly zipfExponent?: number | undefined
}

/** When the next turn of a conversation is sent. */
export const TURN_TIMES = ['after_answer', 'after_arrival', 'on_schedule'] as const

/** When the next turn of a conversation is sent. */
export type TurnTime = (typeof TURN_TIMES)[number]

/** Conversations: several requests, each of which repeats the one before, prompt and answer. */
export interface SessionsSpec {
  /** Requests of a conversation, at least 1. */
  readonly turns: Distribution
  /** Tokens that a later turn adds to prompt and answer of the turn before. */
  readonly newTokens: Distribution
  /** Time between turns in seconds: thinking, or a tool at work; absent: none. */
  readonly thinkTimeSec?: Distribution | undefined
  /**
   * `after_answer` (or absent): so long after the answer before is complete. `after_arrival`: so long
   * after the turn before was sent, answered or not. `on_schedule`: the same, but not before the answer is
   * complete. Not with `users` at a rate, who have their own schedule.
   */
  readonly next?: TurnTime | undefined
  /** A conversation ends before a turn whose prompt would be longer. */
  readonly maxPromptTokens: number
  /** Conversations that start at most. */
  readonly maxSessions?: number | undefined
  /** Calls that set off others. */
  readonly agents?: AgentsSpec | undefined
}

/** What an agent's prompt begins with. */
export const AGENT_CONTEXTS = ['own', 'parent'] as const

/**
 * Agents at work for a conversation: after a turn, several may start at once, each a conversation of its
 * own; the turn after waits for all of them.
 */
export interface AgentsSpec {
  /** Part of the turns that set off agents, from 0 to 1; the last turn of a conversation does not. */
  readonly probability: number
  /** Agents that start at once, at least 1. */
  readonly children: Distribution
  /** Calls of an agent, at least 1. */
  readonly calls: Distribution
  /** Time a tool takes between calls, in seconds. */
  readonly toolTimeSec: Distribution
  /** Tokens that a tool's result adds to the prompt of the next call. */
  readonly newTokens: Distribution
  /** `own`: a fresh prompt of `promptTokens`. `parent`: the conversation so far, and `newTokens`. */
  readonly context: (typeof AGENT_CONTEXTS)[number]
  /** `own`: prompt of the first call. */
  readonly promptTokens?: Distribution | undefined
  /** `own`: tokens with which the prompts of all agents begin; absent: none. */
  readonly sharedTokens?: number | undefined
  /** Agents of agents of agents: 1 for none of agents. */
  readonly maxDepth: number
}

/** A class of service, and what its requests ask for. */
export interface ServiceClass {
  readonly name: string
  /** Part of the requests, in proportion to the weights of the others. */
  readonly weight: number
  /** Larger is more urgent; absent: 0. */
  readonly priority?: number | undefined
  /** Time to the first token that is asked for, in whole ms; absent: none. */
  readonly ttftMs?: number | undefined
  /** Time within which the answer should be complete, in ms; absent: none. */
  readonly deadlineMs?: number | undefined
}

/** Who sends what: one kind of traffic. Of everything that is absent, requests have none. */
export interface ClientSpec {
  /** Part of the names of its random streams and sessions; needed when there are several clients. */
  readonly name?: string | undefined
  readonly arrivals: ArrivalsSpec
  /** Tokens of whole prompts, shared prefixes among them; instead of `uniqueTokens`. */
  readonly promptTokens?: Distribution | undefined
  /** Tokens of prompts beyond shared prefixes. */
  readonly uniqueTokens?: Distribution | undefined
  /** Tokens of answers; 0 for none. */
  readonly outputTokens: Distribution
  readonly prefixes?: readonly PrefixLevel[] | undefined
  readonly sessions?: SessionsSpec | undefined
  /** Drawn once per conversation, as the five below. */
  readonly tenants?: Choice | undefined
  /** Every tenant has its own, and so have requests without a tenant. */
  readonly users?: Choice | undefined
  readonly models?: Choice | undefined
  readonly adapters?: Choice | undefined
  readonly priorities?: Distribution | undefined
  readonly classes?: readonly ServiceClass[] | undefined
}

/** How far a workload goes. */
export interface WorkloadBounds {
  readonly seed: number
  /** Requests, or first turns of conversations, arrive before; absent: as long as stages say. */
  readonly durationSec?: number | undefined
  /** So many requests at most; the last conversation is complete. */
  readonly requests?: number | undefined
}

/** A mixture of clients. */
export interface WorkloadSpec extends WorkloadBounds {
  /** Several have different names; equal names of prefixes are equal content. */
  readonly clients: readonly ClientSpec[]
}
