import type { BackendFacts, BackendKnowledge, DecisionTrace } from '@routesim/core'
import type { Alternative, ExplainedDecision, ExplainedRequest } from '@routesim/experiments'
import { decisionJson } from './decision-json.js'
import { formatNumber } from './results-table.js'
import { alignedTable, type Column } from './table.js'

/** A request and its decisions: what each backend had to say for it, and would have cost. */
export function explainText(request: ExplainedRequest, algorithm: string): string {
  const { promptTokens, outputTokens, cachedTokens, arrivalMs, session } = request
  const head = [
    `Request ${request.request}, ${time(arrivalMs)}: ${count(promptTokens)} prompt tokens`,
    `${count(outputTokens)} output tokens${session === undefined ? '' : `, session ${session}`}`,
  ].join(', ')
  const end =
    request.outcome === 'completed'
      ? `TTFT ${ms(request.ttftMs)}, E2E ${ms(request.e2eMs)}, ${count(cachedTokens)} prompt tokens from the cache.`
      : `It was ${request.outcome.replace('_', ' ')}${request.reason === undefined ? '' : ` (${request.reason})`}.`
  const decisions = request.decisions.map((each) => decisionText(each, algorithm))
  return [`${head}.\n${end}`, ...decisions].join('\n\n')
}

/** The same as JSON has it. */
export function explainJson(request: ExplainedRequest, algorithm: string): object {
  const { outcome, reason, session } = request
  return {
    request: request.request,
    arrival_ms: request.arrivalMs,
    prompt_tokens: request.promptTokens,
    output_tokens: request.outputTokens,
    ...(session !== undefined && { session }),
    outcome,
    ...(reason !== undefined && { reason }),
    cached_tokens: request.cachedTokens,
    ttft_ms: request.ttftMs,
    e2e_ms: request.e2eMs,
    decisions: request.decisions.map(({ record, alternatives, alternativeCount }) => ({
      ...decisionJson(record, algorithm),
      alternatives_in_all: alternativeCount,
      alternatives: alternatives.map((each) => ({
        backend: each.backend,
        decode_backend: each.decode,
        chosen: each.isChosen,
        outcome: each.outcome,
        ttft_ms: each.ttftMs,
        e2e_ms: each.e2eMs,
      })),
    })),
  }
}

function decisionText(decision: ExplainedDecision, algorithm: string): string {
  const { record, alternatives, alternativeCount } = decision
  const again = record.attempt > 0 ? ` (attempt ${record.attempt + 1})` : ''
  const title = `${algorithm}, ${time(record.atMs)}${again}: ${verb(decision)}`
  const [only] = record.traces
  const stages =
    only !== undefined && record.traces.length === 1
      ? [`${title}; ${how(only)}.`, stageTable(decision, only)]
      : [
          `${title}.`,
          ...record.traces.map(
            (trace) => `${trace.stage}: ${how(trace)}\n${stageTable(decision, trace)}`,
          ),
        ]
  const left = alternativeCount - alternatives.length
  const notes = [
    ...(alternatives.length === 0 ? [] : [hindsight(alternatives, record.traces.length > 1)]),
    ...(left > 0 && alternatives.length > 0
      ? [`${left} more were not tried; --alternatives ${alternativeCount} tries all.`]
      : []),
  ]
  return [...stages, ...notes].join('\n')
}

function verb({ record }: ExplainedDecision): string {
  const { action, backend, decode, reason, isRelease } = record
  if (action === 'hold') return 'held at the router'
  if (action === 'reject') return `rejected (${reason})`
  const to =
    action === 'disaggregate'
      ? `prefill on backend ${backend}, decode on ${decode}`
      : `backend ${backend}`
  return isRelease ? `let go to ${to}` : to
}

function stageTable({ record, alternatives }: ExplainedDecision, trace: DecisionTrace): string {
  const isDecode = trace.stage === 'decode'
  const chosen = isDecode ? record.decode : record.backend
  const own = new Map(trace.candidates.map((candidate) => [candidate.backend, candidate]))
  // In one stage of a pair the other is as it was.
  const tried = new Map(
    alternatives
      .filter(({ backend, decode }) =>
        isDecode ? backend === record.backend : trace.stage === '' || decode === record.decode,
      )
      .map((each) => [isDecode ? each.decode : each.backend, each]),
  )
  const termNames = [...new Set(trace.candidates.flatMap(({ terms }) => Object.keys(terms)))]
  const hasScore = trace.best !== undefined
  const hasIndex = trace.candidates.some(({ believedTokens }) => believedTokens !== undefined)
  const pool = record.backends.filter(({ backend }) => own.has(backend))
  const columns: [string, (row: BackendKnowledge) => string][] = [
    ['backend', ({ backend }) => `${backend === chosen ? '> ' : ''}${backend}`],
    ...(hasScore
      ? [['score', ({ backend }) => score(own.get(backend)?.score)] as [string, RowText]]
      : []),
    ...termNames.map((name): [string, RowText] => [
      name,
      ({ backend }) => score(own.get(backend)?.terms[name]),
    ]),
    ...(hasIndex
      ? [
          ['own index', ({ backend }) => score(own.get(backend)?.believedTokens)] as [
            string,
            RowText,
          ],
        ]
      : []),
    ['cached tokens', seen((facts) => count(facts.cachedTokens))],
    ['outstanding', seen((facts) => count(facts.outstanding))],
    ['waiting', told((facts) => count(facts.waiting))],
    ['running', told((facts) => count(facts.running))],
    ['KV %', told((facts) => (100 * facts.kvUsage).toFixed(1))],
    ...(alternatives.length === 0
      ? []
      : ([
          ['TTFT', ({ backend }) => cost(tried.get(backend), 'ttftMs', [...tried.values()])],
          ['E2E', ({ backend }) => cost(tried.get(backend), 'e2eMs', [...tried.values()])],
        ] as [string, RowText][])),
  ]
  const heads = columns.map(([title]): Column => ({ title, align: 'right' }))
  const rows = pool.map((row) => columns.map(([, text]) => text(row)))
  return alignedTable(heads, rows)
}

type RowText = (row: BackendKnowledge) => string

/** The rule that applied, and how it came out. */
function how({ branch, best, isDrawn, tied, candidates }: DecisionTrace): string {
  const result =
    best === undefined
      ? `no scores among ${candidates.length}`
      : isDrawn
        ? `drawn by lot among ${candidates.length}`
        : `${best} score of ${candidates.length}${tied > 1 ? `, shared by ${tied}` : ''}`
  return branch === undefined ? result : `${branch}; ${result}`
}

/** What the router saw; what was so follows in brackets where it differs. */
function seen(text: (facts: BackendFacts) => string): RowText {
  return ({ believed, actual }) => {
    const [a, b] = [text(believed), text(actual)]
    return a === b ? a : `${a} (${b})`
  }
}

/** The same for what metrics tell, if there were any. */
function told(text: (facts: BackendFacts) => string): RowText {
  return (row) =>
    Number.isFinite(row.believed.metricsAgeMs) ? seen(text)(row) : `- (${text(row.actual)})`
}

function cost(
  alternative: Alternative | undefined,
  name: 'ttftMs' | 'e2eMs',
  all: readonly Alternative[],
): string {
  if (alternative === undefined) return '-'
  const value = alternative[name]
  if (Number.isNaN(value)) return alternative.outcome.replace('_', ' ')
  const least = Math.min(...all.map((each) => each[name]).filter((each) => !Number.isNaN(each)))
  return `${formatNumber(value)}${value === least && all.length > 1 ? '*' : ' '}`
}

function hindsight(alternatives: readonly Alternative[], isPair: boolean): string {
  const able = alternatives.filter(({ ttftMs }) => !Number.isNaN(ttftMs))
  const chosen = alternatives.find(({ isChosen }) => isChosen)
  const best = able.reduce<Alternative | undefined>(
    (least, each) =>
      least === undefined ||
      each.ttftMs < least.ttftMs ||
      (each.ttftMs === least.ttftMs && each.e2eMs < least.e2eMs)
        ? each
        : least,
    undefined,
  )
  if (best === undefined) return 'In hindsight: no backend would have answered.'
  const where = isPair
    ? `prefill on ${best.backend} and decode on ${best.decode}`
    : `backend ${best.backend}`
  if (chosen === undefined || Number.isNaN(chosen.ttftMs)) {
    return `In hindsight: ${where} would have given the first token after ${ms(best.ttftMs)}.`
  }
  const lostMs = chosen.ttftMs - best.ttftMs
  if (lostMs === 0) return 'In hindsight: no other would have given the first token sooner.'
  return `In hindsight: ${where} would have given the first token ${ms(lostMs)} sooner, E2E ${ms(best.e2eMs)}.`
}

function score(value: number | undefined): string {
  if (value === undefined) return '-'
  if (!Number.isFinite(value)) return 'out'
  if (Number.isInteger(value)) return count(value)
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 })
}

function time(atMs: number): string {
  return `at ${(atMs / 1000).toFixed(3)} s`
}

function ms(value: number): string {
  return `${formatNumber(value)} ms`
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
