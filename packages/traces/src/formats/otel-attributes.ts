import {
  expectedError,
  integer,
  isObject,
  type JsonObject,
  repeatedError,
} from '../reading/json-fields.js'

/** Attribute names of a request, in order of preference: the current convention, older ones, OpenInference. */
export const OTEL_NAMES = {
  promptTokens: [
    'gen_ai.usage.input_tokens',
    'gen_ai.usage.prompt_tokens',
    'llm.prompt_tokens',
    'gen_ai.prompt.tokens',
    'llm.token_count.prompt',
  ],
  outputTokens: [
    'gen_ai.usage.output_tokens',
    'gen_ai.usage.completion_tokens',
    'llm.completion_tokens',
    'gen_ai.completion.tokens',
    'llm.token_count.completion',
  ],
  maxTokens: ['gen_ai.request.max_tokens'],
  model: ['gen_ai.request.model', 'gen_ai.response.model', 'llm.model', 'llm.model_name'],
  session: ['gen_ai.conversation.id', 'llm.conversation_id', 'session.id'],
  user: ['user.id', 'enduser.id'],
  prefixHash: ['llm.system_prompt_hash'],
  prefixTokens: ['llm.system_prompt_tokens'],
} as const

/** What the operation of a span is called that works with requests of others, and may sum up their tokens. */
const OPERATIONS_OF_AGENTS: ReadonlySet<unknown> = new Set([
  'create_agent',
  'execute_tool',
  'invoke_agent',
  'invoke_workflow',
  'plan',
])

/** The original RouteSim's attribute names, for which a missing answer length means 64. */
export const ORIGINAL_PROMPT_TOKENS: ReadonlySet<string> = new Set([
  'llm.prompt_tokens',
  'gen_ai.prompt.tokens',
])

/** The attributes of one span. */
export class OtelAttributes {
  private readonly values = new Map<string, unknown>()
  private readonly repeated = new Set<string>()

  constructor(attributes: unknown) {
    if (!Array.isArray(attributes)) return
    for (const attribute of attributes) {
      if (isObject(attribute) && typeof attribute['key'] === 'string') {
        const name = attribute['key']
        if (this.values.has(name)) this.repeated.add(name)
        this.values.set(name, attribute['value'])
      }
    }
  }

  /** The first of the names that is present. */
  find(names: readonly string[]): string | undefined {
    return names.find((name) => this.values.has(name))
  }

  /** Whether the span is that of an agent, whose requests have spans of their own. */
  get isOfAgent(): boolean {
    const operation = this.values.get('gen_ai.operation.name')
    return isObject(operation) && OPERATIONS_OF_AGENTS.has(operation['stringValue'])
  }

  /** An integer: `intValue` (number or string, as OTLP writes 64 bits) or an integral double. */
  integer(name: string, minimum: number): number {
    const value = this.value(name)
    if (!isObject(value)) throw expectedError(name, `an integer >= ${minimum}`, value)
    return integer(name, numberOf(value), minimum)
  }

  /** A string; integers are accepted. */
  string(name: string): string {
    const value = this.value(name)
    const found = isObject(value) ? (value['stringValue'] ?? value['intValue']) : value
    if (typeof found === 'string') return found
    if (Number.isSafeInteger(found)) return String(found)
    throw expectedError(name, 'a stringValue', found)
  }

  private value(name: string): unknown {
    if (this.repeated.has(name)) throw repeatedError(name)
    return this.values.get(name)
  }
}

function numberOf(value: JsonObject): unknown {
  const int = value['intValue']
  if (typeof int === 'string' && /^-?\d{1,19}$/.test(int)) return Number(int)
  return int ?? value['doubleValue'] ?? value['stringValue'] ?? value
}
