import type { TraceRecord } from '../columns/trace-record.js'
import { TurnLinks } from '../columns/turn-links.js'
import {
  blockIds,
  checkTotalTokens,
  integer,
  type JsonObject,
  milliseconds,
  neededField,
  optionalName,
  parseObject,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { BLOCK_IDS, TEMPLATE_FIELDS } from '../template/fields.js'
import type { LineReader } from './line-reader.js'
import { promptText } from './prompt-text.js'
import { TEXT_BLOCK_TOKENS, TextTokens } from './text-tokens.js'

const KNOWN: ReadonlySet<string> = new Set([...TEMPLATE_FIELDS.mooncake!.keys(), BLOCK_IDS])

/**
 * Mooncake JSONL: `timestamp` (ms), `input_length`, `output_length`, `hash_ids` (one per block, the last may
 * be partial; tokens beyond the last id are the request's own), optionally `session_id`, and as an extension
 * `block_size` where it is not 512. A turn with `delay` (ms) is sent so long after the turn before it has
 * ended, and needs no `timestamp`; with neither it is sent at once, and a session without any begins at 0.
 * AIPerf's lines may have `text_input` or `messages` instead of lengths and ids, which share what their texts
 * do; with `message_mode` `delta` they are what a turn adds to the conversation.
 */
export class MooncakeReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector
  private readonly blockTokens: number
  private readonly links: TurnLinks
  private readonly tokens: TextTokens

  constructor(
    source: string,
    collector: RecordCollector,
    blockTokens: number,
    charsPerToken?: number,
  ) {
    this.source = source
    this.collector = collector
    this.blockTokens = blockTokens
    this.links = new TurnLinks(collector.columns)
    this.tokens = new TextTokens(charsPerToken)
  }

  line(text: string, number: number): void {
    const where = `${this.source}:${number}`
    this.collector.attempt(where, () => {
      const line = parseObject(text)
      this.collector.misspelled.look(line, KNOWN, where)
      const needed = (name: string): unknown => neededField(line, name, KNOWN)
      const session = optionalName('session_id', line['session_id'])
      const delay = line['delay'] ?? undefined
      const isTimed = (line['timestamp'] ?? undefined) !== undefined
      const last = session === undefined ? -1 : this.links.lastTurn(session)
      const before = delay !== undefined || !isTimed ? last : -1
      const hasTime = isTimed || session === undefined
      const said = this.textOf(line)
      const isDelta = line['message_mode'] === 'delta'
      const record: TraceRecord = {
        arrivalMs: hasTime ? milliseconds('timestamp', needed('timestamp')) : 0,
        promptTokens:
          said === undefined
            ? integer('input_length', needed('input_length'), 1)
            : this.tokens.count(said) + (isDelta ? this.saidBefore(last) : 0),
        outputTokens: integer('output_length', needed('output_length'), 0),
      }
      checkTotalTokens(record.promptTokens, record.outputTokens)
      if (session !== undefined) record.session = session
      if (before >= 0) {
        const thinkMs = milliseconds('delay', delay ?? 0)
        this.links.follow(record, before, thinkMs, hasTime, 'timestamp')
      }
      const ids = line['hash_ids'] ?? undefined
      if (ids !== undefined) {
        const tokens = integer('block_size', line['block_size'] ?? this.blockTokens, 1)
        this.collector.add(record, { ids: blockIds(ids, text), tokens })
      } else if (said !== undefined && !isDelta) {
        const blocks = { ids: this.tokens.blocks(said), tokens: TEXT_BLOCK_TOKENS }
        this.collector.add(record, blocks)
      } else this.collector.add(record)
    })
  }

  /** What a line without a length says instead. */
  private textOf(line: JsonObject): string | undefined {
    if ((line['input_length'] ?? undefined) !== undefined) return undefined
    const text = line['text_input']
    if (typeof text === 'string') return text
    return Array.isArray(line['messages']) ? promptText(line) : undefined
  }

  /** Tokens of a turn and its answer. */
  private saidBefore(row: number): number {
    if (row < 0) return 0
    const { requests } = this.collector.columns
    return requests.promptTokens.get(row) + requests.outputTokens.get(row)
  }

  end(): void {}
}
