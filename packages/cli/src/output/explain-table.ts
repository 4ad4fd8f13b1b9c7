import type { BackendFacts, BackendKnowledge, DecisionTrace } from '@routesim/core'
import type { Alternative, ExplainedDecision, ExplainedRequest } from '@routesim/experiments'
import { formatNumber } from './results-table.js'
import { alignedTable, type Column } from './table.js'
import { thousands } from './thousands.js'

/** In a narrow terminal all others go first. */
const MOST_WANTED: readonly string[] = ['backend', 'TTFT', 'E2E', 'score', 'cached tokens']

/** A request and its decisions: what each backend had to say for it, and would have cost. */
export function explainText(
  request: ExplainedRequest,
  algorithm: string,
  maxWidth: number = Number.POSITIVE_INFINITY,
): string {
  const { promptTokens, outputTokens, cachedTokens, arrivalMs, sentMs, session } = request
  const sent = sentMs > arrivalMs ? `, sent ${time(sentMs)}` : ''
  const head = [
    `Request ${request.request}, ${time(arrivalMs)}${sent}: ${thousands(promptTokens)} prompt tokens`,
    `${thousands(outputTokens)} output tokens${session === undefined ? '' : `, session ${session}`}`,
  ].join(', ')
  const end =
    request.outcome === 'completed'
      ? `${Number.isNaN(request.ttftMs) ? 'No output' : `TTFT ${ms(request.ttftMs)}`}, E2E ${ms(request.e2eMs)}, ${thousands(cachedTokens)} prompt tokens from the cache.`
      : `It was ${request.outcome.replace('_', ' ')}${request.reason === undefined ? '' : ` (${request.reason})`}.`
  const decisions = request.decisions.map((each) => decisionText(each, algorithm, maxWidth))
  return [`${head}.\n${end}`, ...decisions].join('\n\n')
}

function decisionText(decision: ExplainedDecision, algorithm: string, maxWidth: number): string {
  const { record, alternatives, alternativeCount } = decision
  const again = record.attempt > 0 ? ` (attempt ${record.attempt + 1})` : ''
  const title = `${algorithm}, ${time(record.atMs)}${again}: ${verb(decision)}`
  const [only] = record.traces
  const stages =
    only !== undefined && record.traces.length === 1
      ? [`${title}; ${how(only)}.`, stageTable(decision, only, maxWidth)]
      : [
          `${title}.`,
          ...record.traces.map(
            (trace) => `${trace.stage}: ${how(trace)}\n${stageTable(decision, trace, maxWidth)}`,
          ),
        ]
  const left = alternativeCount - alternatives.length
  const notes = [
    ...(alternatives.length === 0 ? [] : [hindsight(alternatives, record.action)]),
    ...(left > 0 && alternatives.length > 0
      ? [`${left} more were not tried; --alternatives ${alternativeCount} tries all.`]
      : []),
  ]
  return [...stages, ...notes].join('\n')
}

function verb({ record }: ExplainedDecision): string {
  const { action, backend, decode, reason, isRelease } = record
  if (action === 'hold') return isRelease ? 'called, to be asked about again' : 'held at the router'
  if (action === 'reject') return `rejected (${reason})`
  const ways: Partial<Record<typeof action, string>> = {
    disaggregate: `prefill on backend ${backend}, decode on ${decode}`,
    prefill: `prefill on backend ${backend}, decode to be decided`,
    decode: `prefilled on backend ${backend}, decode on ${decode}`,
  }
  const to = ways[action] ?? `backend ${backend}`
  return isRelease ? `let go to ${to}` : to
}

function stageTable(
  { record, alternatives }: ExplainedDecision,
  trace: DecisionTrace,
  maxWidth: number,
): string {
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
    ['cached tokens', seen((facts) => thousands(facts.cachedTokens))],
    ['outstanding', seen((facts) => thousands(facts.outstanding))],
    ['waiting', told((facts) => thousands(facts.waiting))],
    ['running', told((facts) => thousands(facts.running))],
    ['KV %', told((facts) => (100 * facts.kvUsage).toFixed(1))],
    ...(alternatives.length === 0
      ? []
      : ([
          ['TTFT', ({ backend }) => cost(tried.get(backend), 'ttftMs', [...tried.values()])],
          ['E2E', ({ backend }) => cost(tried.get(backend), 'e2eMs', [...tried.values()])],
        ] as [string, RowText][])),
  ]
  const heads = columns.map(([title], i): Column => {
    const wanted = MOST_WANTED.indexOf(title)
    return { title, align: 'right', rank: wanted < 0 ? MOST_WANTED.length + i : wanted }
  })
  const rows = pool.map((row) => columns.map(([, text]) => text(row)))
  return alignedTable(heads, rows, maxWidth)
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

type Time = 'ttftMs' | 'e2eMs'

function cost(
  alternative: Alternative | undefined,
  name: Time,
  all: readonly Alternative[],
): string {
  if (alternative === undefined) return '-'
  const value = alternative[name]
  // A request without output has no first token.
  if (Number.isNaN(value)) {
    return alternative.outcome === 'completed' ? '- ' : alternative.outcome.replace('_', ' ')
  }
  const isBest = value === least(all, name)?.[name] && all.some((each) => each[name] !== value)
  return `${formatNumber(value)}${isBest ? '*' : ' '}`
}

/** The alternative with the least time, the other time deciding between equals; none where it never came. */
function least(alternatives: readonly Alternative[], name: Time): Alternative | undefined {
  const other = name === 'ttftMs' ? 'e2eMs' : 'ttftMs'
  return alternatives
    .filter((each) => !Number.isNaN(each[name]))
    .reduce<Alternative | undefined>((best, each) => {
      if (best === undefined || each[name] < best[name]) return each
      return each[name] === best[name] && each[other] < best[other] ? each : best
    }, undefined)
}

/** By how much others would have been sooner with the first token, and with the last. */
function hindsight(
  alternatives: readonly Alternative[],
  action: ExplainedDecision['record']['action'],
): string {
  const chosen = alternatives.find(({ isChosen }) => isChosen)
  const where = ({ backend, decode }: Alternative): string => {
    if (decode < 0 || backend === decode) return `backend ${backend}`
    const decodeOn = `decode on ${decode}`
    return action === 'disaggregate' ? `prefill on ${backend} and ${decodeOn}` : decodeOn
  }
  const parts = [
    ['ttftMs', 'first token'],
    ['e2eMs', 'last token'],
  ] as const
  const told = parts.flatMap(([name, token]) => {
    const best = least(alternatives, name)
    if (best === undefined) return []
    if (chosen === undefined || Number.isNaN(chosen[name])) {
      return [`${where(best)} would have given the ${token} after ${ms(best[name])}`]
    }
    const soonerMs = chosen[name] - best[name]
    return [
      soonerMs > 0
        ? `${where(best)} would have given the ${token} ${ms(soonerMs)} sooner`
        : `no other would have given the ${token} sooner`,
    ]
  })
  return told.length === 0
    ? 'In hindsight: no backend would have answered.'
    : `In hindsight: ${told.join('; ')}.`
}

function score(value: number | undefined): string {
  if (value === undefined) return '-'
  if (!Number.isFinite(value)) return 'out'
  if (Number.isInteger(value)) return thousands(value)
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 })
}

function time(atMs: number): string {
  return `at ${(atMs / 1000).toFixed(3)} s`
}

function ms(value: number): string {
  return `${formatNumber(value)} ms`
}
