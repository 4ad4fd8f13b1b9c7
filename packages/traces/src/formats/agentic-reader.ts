import type { TraceRecord } from '../columns/trace-record.js'
import { IdRuns } from '../prompts/id-runs.js'
import {
  checkTotalTokens,
  expectedError,
  integer,
  isObject,
  type JsonObject,
  optionalName,
  parseObject,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { type Agent, awaitedCalls, type Call } from './agentic-agents.js'
import type { LineReader } from './line-reader.js'

/** Agents within agents at most. */
const DEEPEST = 10

/** What calls have in common. */
interface Frame {
  readonly name: string
  readonly blockTokens: number
  readonly where: string
  /** Begin of the times, in ms since the session began. */
  readonly fromMs: number
  readonly depth: number
}

/**
 * Agentic sessions, one a line: `id`, `block_size`, `hash_id_scope`, and `requests`, each with `t` (s
 * since the session began), `in`, `out`, `think_time` (s since the answer before) and `hash_ids` or
 * their runs, `hash_ranges`. Each call is sent when the one before it has been answered and the time
 * for thinking and tools has passed. A `subagent` has `requests` of its own, with times since it began or
 * since the session did, which run beside those that follow. A call waits for the agents that had ended when it
 * was sent, by `api_time`; `waits_for` says which ones, as an extension, and `think_time` then counts from the
 * last of them. The trace does not say when sessions begin: all at 0.
 */
export class AgenticReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector
  private readonly runs = new IdRuns()
  /** Added to the ids of the session. */
  private idBase = 0
  /** That of the next session whose ids mean nothing elsewhere: they become less than all others. */
  private localBase = -Number.MAX_SAFE_INTEGER
  private largestId = 0

  constructor(source: string, collector: RecordCollector) {
    this.source = source
    this.collector = collector
  }

  line(text: string, number: number): void {
    const where = `${this.source}:${number}`
    let session: JsonObject | undefined
    let name = `session_${number}`
    this.collector.attempt(where, () => {
      const line = parseObject(text)
      if (!Array.isArray(line['requests'])) {
        throw expectedError('requests', 'an array', line['requests'])
      }
      integer('block_size', line['block_size'], 1)
      const scope = line['hash_id_scope'] ?? 'local'
      if (scope !== 'local' && scope !== 'global') {
        throw expectedError('hash_id_scope', '"local" or "global"', scope)
      }
      name = optionalName('id', line['id']) ?? name
      session = line
    })
    if (session === undefined) return
    const isLocal = session['hash_id_scope'] !== 'global'
    this.idBase = isLocal ? this.localBase : 0
    this.largestId = 0
    const blockTokens = session['block_size'] as number
    const frame = { name, blockTokens, where, fromMs: 0, depth: 0 }
    this.calls(session['requests'] as readonly unknown[], frame, undefined)
    if (isLocal) this.localBase += this.largestId + 1
  }

  end(): void {}

  /** @returns the last call, `undefined` when there is none */
  private calls(
    requests: readonly unknown[],
    frame: Frame,
    setOffBy: Call | undefined,
  ): Call | undefined {
    let before = setOffBy
    let agents: readonly Agent[] = []
    requests.forEach((request, i) => {
      const where = `${frame.where}: request ${i + 1}`
      let agent: { readonly calls: readonly unknown[]; readonly frame: Frame } | undefined
      let name = `${i + 1}`
      this.collector.attempt(where, () => {
        if (!isObject(request)) throw expectedError('requests', 'an object', request)
        const inner = request['requests'] ?? undefined
        if (inner === undefined) {
          const isFirst = before === setOffBy
          const [call, awaited] = this.call(request, frame, before, isFirst, agents)
          before = call
          agents = agents.filter((each) => !awaited.includes(each))
          return
        }
        if (!Array.isArray(inner)) throw expectedError('requests', 'an array', inner)
        if (frame.depth === DEEPEST) {
          throw expectedError('requests', `at most ${DEEPEST} levels`, frame.depth + 1)
        }
        name = optionalName('agent_id', request['agent_id']) ?? name
        const fromMs = frame.fromMs + agentStart(request, inner)
        const own = { name: `${frame.name}/${name}`, where, fromMs, depth: frame.depth + 1 }
        agent = { calls: inner, frame: { ...frame, ...own } }
      })
      if (agent === undefined) return
      const last = this.calls(agent.calls, agent.frame, before)
      if (last === undefined || before === undefined || last === before) return
      agents = [...agents, { name, setOffBy: before, last }]
    })
    return before
  }

  private call(
    request: JsonObject,
    frame: Frame,
    before: Call | undefined,
    isFirst: boolean,
    agents: readonly Agent[],
  ): [Call, readonly Agent[]] {
    const startMs = frame.fromMs + milliseconds('t', request['t'])
    const record: TraceRecord = {
      arrivalMs: startMs,
      promptTokens: integer('in', request['in'], 1),
      outputTokens: integer('out', request['out'], 0),
      session: frame.name,
    }
    checkTotalTokens(record.promptTokens, record.outputTokens)
    const model = optionalName('model', request['model'])
    if (model !== undefined) record.model = model
    const apiMs = milliseconds('api_time', request['api_time'] ?? 0)
    const waitsFor = agentsOf(request['waits_for'] ?? undefined, agents)
    const awaited = waitsFor ?? agents.filter(({ last }) => last.isTimed && last.endMs <= startMs)
    if (before !== undefined) {
      const thinkTime = request['think_time'] ?? undefined
      const thinkMs = thinkTime === undefined ? undefined : milliseconds('think_time', thinkTime)
      const { calls } = awaitedCalls(before, awaited)
      // Where the time for thinking counts from something else, what is left of it is told by the times.
      const isTold = isFirst ? thinkMs !== 0 : awaited.length === 0 || waitsFor !== undefined
      const endMs = Math.max(...calls.map((call) => call.endMs))
      record.thinkMs = isTold && thinkMs !== undefined ? thinkMs : Math.max(0, startMs - endMs)
      const [first, ...others] = calls.map(({ row }) => row)
      record.predecessor = first!
      if (others.length > 0) record.joins = others
      // As early as can be: how long answers took when it was recorded is not part of the traffic.
      const { requests } = this.collector.columns
      const latest = Math.max(...calls.map(({ row }) => requests.arrivalMs(row)))
      record.arrivalMs = latest + record.thinkMs
    }
    this.readIds(request)
    const row = this.collector.columns.addRuns(record, this.runs, frame.blockTokens)
    const isTimed = (request['api_time'] ?? undefined) !== undefined
    return [{ row, endMs: startMs + apiMs, isTimed }, awaited]
  }

  /** The blocks of a call, whose tokens beyond the last whole one are its own. */
  private readIds(request: JsonObject): void {
    const { runs } = this
    runs.clear()
    const ranges = request['hash_ranges'] ?? undefined
    const ids = request['hash_ids'] ?? undefined
    if (ranges !== undefined) {
      if (!Array.isArray(ranges)) throw expectedError('hash_ranges', 'an array', ranges)
      for (const range of ranges) {
        if (!Array.isArray(range) || range.length !== 2) {
          throw expectedError('hash_ranges', 'pairs of first and last id', range)
        }
        const first = integer('hash_ranges', range[0], 0)
        const last = integer('hash_ranges', range[1], first)
        this.push(first, last)
      }
    } else if (ids !== undefined) {
      if (!Array.isArray(ids)) throw expectedError('hash_ids', 'an array', ids)
      for (const id of ids) this.push(integer('hash_ids', id, 0), id as number)
    }
  }

  private push(first: number, last: number): void {
    this.largestId = Math.max(this.largestId, last)
    this.runs.pushRun(first + this.idBase, last + this.idBase)
  }
}

/** When an agent began, if the times of its calls count from there; in ms. */
function agentStart(agent: JsonObject, calls: readonly unknown[]): number {
  const startMs = milliseconds('t', agent['t'] ?? 0)
  const [first] = calls
  const firstTime = isObject(first) ? first['t'] : undefined
  return typeof firstTime === 'number' && firstTime * 1000 >= startMs ? 0 : startMs
}

/** The agents that a call says it waits for. */
function agentsOf(names: unknown, agents: readonly Agent[]): readonly Agent[] | undefined {
  if (names === undefined) return undefined
  if (!Array.isArray(names)) throw expectedError('waits_for', 'an array', names)
  return names.map((name) => {
    const agent = agents.find((each) => each.name === name)
    if (agent === undefined) {
      throw expectedError('waits_for', 'agents set off before that nobody has waited for', name)
    }
    return agent
  })
}

function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 2 ** 43) return value * 1000 + 0
  throw expectedError(name, 'a number of seconds from 0 to 2^43', value)
}
