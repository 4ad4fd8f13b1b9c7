import { type TokenSource, tokensOfText } from '../tokens/prompt-tokens.js'
import { ApiError } from './api-error.js'
import { describe, type Fields, invalid, isObject, isString } from './body-fields.js'
import { chatTokens } from './chat-prompt.js'

/** The two endpoints that complete prompts. */
export type Endpoint = 'chat' | 'completions'

/** What router and mock workers need to know of a request. */
export interface CompletionRequest {
  readonly endpoint: Endpoint
  readonly model: string | undefined
  readonly stream: boolean
  /** Whether a last chunk of the stream tells the token counts. */
  readonly includeUsage: boolean
  /** Output tokens at most, 0 to have the prompt echoed; undefined when the client leaves it to the server. */
  readonly maxTokens: number | undefined
  readonly ignoreEos: boolean
  /** Prompts, and answers that each of them is to have. */
  readonly prompts: number
  readonly answers: number
  /**
   * The prompt: token ids, or an estimate from its text and media; several prompts one after another. Empty where only
   * its embeddings are given (`prompt_embeds`).
   */
  readonly tokens: Uint32Array
  readonly tokenSource: TokenSource
  /** What its prompt's KV is shared under with those alone that say the same. */
  readonly cacheSalt: string | undefined
  readonly user: string | undefined
  readonly priority: number
  /** What a prefill worker told about where its KV cache is, or what it is asked to tell. */
  readonly kvTransfer: Fields | undefined
  /** The parsed body. */
  readonly body: Fields
}

const MOST_TOKENS = 2 ** 24
const COUNT = `an integer from 1 to ${MOST_TOKENS}`
const LIMIT = `an integer from 0 to ${MOST_TOKENS}`

/**
 * Reads the body of a request. What RouteSim does not need is not looked at: backends have the last word.
 *
 * @param mediaTokens - tokens that each picture, recording, video or file in a message is taken to have
 * @throws ApiError 400 that names the field
 */
export function parseCompletionRequest(
  endpoint: Endpoint,
  text: string,
  mediaTokens: number,
): CompletionRequest {
  const body = parseObject(text)
  const prompt = readablePrompt(endpoint, body, mediaTokens)
  const { tokens, tokenSource, prompts = 1 } = prompt
  if (tokens.length === 0 && prompt !== EMBEDDED)
    throw invalid('prompt', 'expected at least one token, got none')
  const options = optional(body, 'stream_options', 'an object', isObject)
  const maxTokens =
    optional(body, 'max_completion_tokens', LIMIT, isLimit) ??
    optional(body, 'max_tokens', LIMIT, isLimit)
  return {
    endpoint,
    body,
    tokens,
    tokenSource,
    prompts,
    answers: optional(body, 'n', COUNT, isCount) ?? 1,
    maxTokens,
    model: optional(body, 'model', 'a string', isString),
    stream: optional(body, 'stream', 'true or false', isBoolean) ?? false,
    includeUsage: options?.['include_usage'] === true,
    ignoreEos: optional(body, 'ignore_eos', 'true or false', isBoolean) ?? false,
    cacheSalt: optional(body, 'cache_salt', 'a string', isString),
    user: optional(body, 'user', 'a string', isString),
    priority: optional(body, 'priority', 'an integer', isInteger) ?? 0,
    kvTransfer: optional(body, 'kv_transfer_params', 'an object', isObject),
  }
}

interface Prompt {
  readonly tokens: Uint32Array
  readonly tokenSource: TokenSource
  readonly prompts?: number
}

/** A prompt of which embeddings alone are given, as vLLM takes them: nobody else knows what it shares. */
const EMBEDDED: Prompt = { tokens: new Uint32Array(0), tokenSource: 'ids' }

/** Parts of a message or tools may be nested deeper than they can be written out. */
function readablePrompt(endpoint: Endpoint, body: Fields, mediaTokens: number): Prompt {
  try {
    return promptOf(endpoint, body, mediaTokens)
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError(400, 'body: nested too deeply')
    throw error
  }
}

function promptOf(endpoint: Endpoint, body: Fields, mediaTokens: number): Prompt {
  const ids = optional(body, 'prompt_token_ids', 'token ids', isTokenIds)
  if (ids !== undefined) return { tokens: Uint32Array.from(ids), tokenSource: 'ids' }
  if (endpoint === 'chat') return { tokens: chatTokens(body, mediaTokens), tokenSource: 'utf8' }
  const { prompt, prompt_embeds: embeddings } = body
  const isEmpty = prompt === undefined || prompt === null || isEmptyList(prompt) || prompt === ''
  if (isEmpty && embeddings !== undefined && embeddings !== null) return EMBEDDED
  if (isString(prompt)) return { tokens: tokensOfText(prompt), tokenSource: 'utf8' }
  if (isTokenIds(prompt)) return { tokens: Uint32Array.from(prompt), tokenSource: 'ids' }
  if (Array.isArray(prompt) && prompt.length > 0) {
    const prompts = prompt.length
    if (prompt.every(isString))
      return { tokens: tokensOfText(prompt.join('')), tokenSource: 'utf8', prompts }
    if (prompt.every(isTokenIds))
      return { tokens: Uint32Array.from(prompt.flat()), tokenSource: 'ids', prompts }
  }
  throw invalid('prompt', `expected a string or token ids, got ${describe(prompt)}`)
}

function parseObject(text: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's message quotes the text, which may be a prompt.
    throw new ApiError(400, 'body: expected JSON, got something else')
  }
  if (!isObject(value)) throw new ApiError(400, `body: expected an object, got ${describe(value)}`)
  return value
}

function optional<T>(
  body: Fields,
  name: string,
  expected: string,
  is: (value: unknown) => value is T,
): T | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined || value === null) return undefined
  if (!is(value)) throw invalid(name, `expected ${expected}, got ${describe(value)}`)
  return value
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}
function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}
function isLimit(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST_TOKENS
}
function isCount(value: unknown): value is number {
  return isLimit(value) && value >= 1
}
function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
function isTokenIds(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((id) => Number.isInteger(id) && id >= 0 && id <= 0xffffffff)
  )
}
