import { NO_BLOCKS, type TraceColumns } from '../columns/trace-columns.js'
import { REFUSED } from '../prompts/block-paths.js'
import { IdRuns } from '../prompts/id-runs.js'
import { NO_MATCH } from './bytes.js'
import {
  ARRIVAL,
  BLOCK_SIZE,
  FIRST_NAME,
  MAX_TOKENS,
  NAME_SLOTS,
  OUTPUT,
  PREFIX_TOKENS,
  PRIORITY,
  PROMPT,
  SLOTS,
} from './fields.js'
import { learnTemplate } from './learn-template.js'
import type { LineTemplate } from './line-template.js'

const LARGEST = 0x7fffffff
const MOST_TEMPLATES = 8
const LONGEST_WAIT = 4096

/**
 * Reads lines that look like lines before them, straight from bytes into columns. It takes only what
 * the reader of the format takes, with the same result; all else it leaves to that reader, and
 * learns from the lines which that one took.
 */
export class TemplateReader {
  private readonly columns: TraceColumns
  private readonly fields: ReadonlyMap<string, number>
  private readonly blockTokens: number
  private readonly templates: LineTemplate[] = []
  /** The template that matched last. */
  private current = 0
  private readonly values = new Float64Array(SLOTS)
  private readonly ids = new IdRuns()
  /** Lines that taught nothing make it look away from ever more of them. */
  private wait = 0
  private skipped = 0
  private replaced = 0

  constructor(columns: TraceColumns, fields: ReadonlyMap<string, number>, blockTokens: number) {
    this.columns = columns
    this.fields = fields
    this.blockTokens = blockTokens
  }

  /**
   * Reads the line at `at` when it can; see {@link LineTemplate.match}.
   * @returns where the next line begins, -1 when this one is left to the reader of the format
   */
  read(bytes: Uint8Array, view: DataView, at: number): number {
    const { templates, values, ids } = this
    const { names } = this.columns
    for (let tried = 0; tried < templates.length; tried++) {
      const template = templates[this.current]!
      const next = template.match(bytes, view, at, values, names, ids)
      if (next !== NO_MATCH) return this.take(template) ? next : NO_MATCH
      this.current = this.current + 1 < templates.length ? this.current + 1 : 0
    }
    return NO_MATCH
  }

  /** Learns from a line without line end, which the reader of the format took. */
  learn(line: Uint8Array): void {
    if (this.skipped++ < this.wait) return
    this.skipped = 0
    const template = learnTemplate(line, this.fields)
    if (template === undefined || this.templates.some(({ shape }) => shape === template.shape)) {
      this.wait = Math.min(LONGEST_WAIT, this.wait * 2 + 1)
      return
    }
    if (this.templates.length < MOST_TEMPLATES) {
      this.wait = 0
      this.current = this.templates.push(template) - 1
      return
    }
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2 + 1)
    this.current = this.replaced++ % MOST_TEMPLATES
    this.templates[this.current] = template
  }

  /** Adds the row that the values make, unless the reader of the format might refuse it. */
  private take(template: LineTemplate): boolean {
    const { columns, values } = this
    const { optionalSlots } = template
    const arrivalMs = values[ARRIVAL]!
    const promptTokens = values[PROMPT]!
    const outputTokens = values[OUTPUT]!
    if (!(arrivalMs >= 0 && arrivalMs <= Number.MAX_SAFE_INTEGER)) return false
    if (!isInteger(promptTokens, 1) || !isInteger(outputTokens, 0)) return false
    if (promptTokens + outputTokens > LARGEST) return false
    for (let i = 0; i < optionalSlots.length; i++) {
      const slot = optionalSlots[i]!
      if (slot < FIRST_NAME && !isInteger(values[slot]!, slot === PRIORITY ? -LARGEST - 1 : 0)) {
        return false
      }
    }
    const content = template.hasIds ? this.place(template, promptTokens) : NO_BLOCKS
    if (content === REFUSED) return false
    // Adding 0 turns -0 into 0.
    const row = columns.requests.append(arrivalMs + 0, promptTokens, outputTokens)
    columns.content.set(row, content)
    for (let i = 0; i < optionalSlots.length; i++) {
      this.set(row, optionalSlots[i]!, values[optionalSlots[i]!]!)
    }
    return true
  }

  private place(template: LineTemplate, promptTokens: number): number {
    const { ids } = this
    const blockTokens = template.hasBlockSize ? this.values[BLOCK_SIZE]! : this.blockTokens
    if (!isInteger(blockTokens, 1)) return REFUSED
    if (ids.length > Math.ceil(promptTokens / blockTokens)) return REFUSED
    return this.columns.blocks.add(ids, blockTokens, promptTokens)
  }

  private set(row: number, slot: number, value: number): void {
    const { columns } = this
    const { requests } = columns
    if (slot === PREFIX_TOKENS) columns.prefixTokens.set(row, value)
    else if (slot === MAX_TOKENS) requests.maxTokens.set(row, value)
    else if (slot === PRIORITY) requests.priority.set(row, value)
    else {
      const name = NAME_SLOTS[slot - FIRST_NAME]!
      if (name === 'prefixHash') columns.prefixHash.set(row, value)
      else requests[name].set(row, value)
    }
  }
}

/** Whether it is an integer of 32 bits, and not too small. */
function isInteger(value: number, minimum: number): boolean {
  return (value | 0) === value && value >= minimum
}
