import type { TraceRecord } from '../columns/trace-record.js'
import {
  checkTotalTokens,
  expectedError,
  integer,
  isObject,
  optionalName,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { DocumentReader } from './document-reader.js'
import { TextTokens } from './text-tokens.js'

const USERS: ReadonlySet<unknown> = new Set(['human', 'user'])
const MODELS: ReadonlySet<unknown> = new Set(['gpt', 'assistant', 'bard', 'bing', 'chatgpt'])

/**
 * ShareGPT JSON: an array (or a line each) of `{ id, conversations: [{ from, value }] }`. Every answer
 * is a request, whose prompt is all that was said before; it is sent when the answer before it has
 * ended. Lengths are estimated from the texts, unless messages say `tokens`. It has no times: all
 * conversations begin at 0.
 */
export class ShareGptReader extends DocumentReader {
  private readonly tokens: TextTokens
  private conversations = 0

  constructor(source: string, collector: RecordCollector, charsPerToken: number | undefined) {
    super(source, collector)
    this.tokens = new TextTokens(charsPerToken)
  }

  protected document(value: unknown, where: string): void {
    const all = Array.isArray(value) ? value : [value]
    all.forEach((conversation, i) => {
      const place = Array.isArray(value) ? `${where}: conversation ${i + 1}` : where
      this.collector.attempt(place, () => this.conversation(conversation))
    })
  }

  /** All of a conversation or nothing. */
  private conversation(conversation: unknown): void {
    if (!isObject(conversation)) throw expectedError('conversation', 'an object', conversation)
    const messages = conversation['conversations'] ?? conversation['conversation']
    if (!Array.isArray(messages)) throw expectedError('conversations', 'an array', messages)
    const name = optionalName('id', conversation['id']) ?? `c${this.conversations}`
    const records: TraceRecord[] = []
    let said = 0
    let isAsked = false
    for (const message of messages) {
      if (!isObject(message)) throw expectedError('conversations', 'objects', message)
      const from = message['from'] ?? message['role']
      const length = this.lengthOf(message)
      if (MODELS.has(from)) {
        if (isAsked) {
          checkTotalTokens(said, length)
          records.push({ arrivalMs: 0, promptTokens: said, outputTokens: length, session: name })
        }
        isAsked = false
      } else if (USERS.has(from)) isAsked = true
      else if (typeof from !== 'string') throw expectedError('from', 'a string', from)
      said += length
    }
    if (records.length === 0) this.collector.ignored++
    this.conversations++
    let before = -1
    for (const record of records) {
      if (before >= 0) {
        record.predecessor = before
        record.thinkMs = 0
      }
      before = this.collector.columns.add(record)
    }
  }

  private lengthOf(message: Readonly<Record<string, unknown>>): number {
    const given = message['tokens'] ?? message['num_tokens'] ?? undefined
    if (given !== undefined) return integer('tokens', given, 0)
    const text = message['value'] ?? message['content']
    if (typeof text !== 'string') throw expectedError('value', 'a string', text)
    return this.tokens.count(text)
  }
}
