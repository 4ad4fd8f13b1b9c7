import { mediaDigest } from '../tokens/media-digest.js'
import { callText, type PromptPart, renderChat, tokensOfParts } from '../tokens/prompt-tokens.js'
import { describe, type Fields, invalid, isObject, isString } from './body-fields.js'

/** Tokens of all pictures, recordings and files of a prompt at most: no model takes more. */
const MOST_MEDIA_TOKENS = 2 ** 24

/**
 * Estimated tokens of a conversation: what chat templates of current models make a prompt of, in their order. These
 * are the tools, and of each message its role, its thoughts, its content, and the names and arguments of its calls.
 * Ids of calls are left out, as most templates leave them out (Llama, Qwen, DeepSeek).
 *
 * Thoughts are kept after the last message of a user and dropped before it, as by the templates of Qwen3, MiniMax-M2
 * and Gemma 4: a model goes on with them between calls, and another question begins without.
 *
 * @param mediaTokens - that each part which is no text has
 * @throws ApiError 400 that names the field
 */
export function chatTokens({ messages, tools }: Fields, mediaTokens: number): Uint32Array {
  if (!Array.isArray(messages) || messages.length === 0)
    throw invalid('messages', `expected a list of messages, got ${describe(messages)}`)
  const read = messages.map((message: unknown, i) => {
    if (!isObject(message))
      throw invalid(`messages.${i}`, `expected an object, got ${describe(message)}`)
    const { role } = message
    if (!isString(role))
      throw invalid(`messages.${i}.role`, `expected a string, got ${describe(role)}`)
    return { role, message }
  })
  const lastQuestion = read.findLastIndex(({ role }) => role === 'user')
  const most = Math.floor(MOST_MEDIA_TOKENS / mediaTokens)
  let media = 0
  const countMedia = (): void => {
    if (++media > most) throw invalid('messages', `expected at most ${most} parts that are no text`)
  }
  const rendered = read.map(({ role, message }, i) => ({
    role,
    parts: [
      ...(role === 'tool' && isString(message['name']) ? [message['name']] : []),
      ...(i > lastQuestion ? thoughtsOf(message) : []),
      ...contentParts(message['content'], i, countMedia),
      ...callsOf(message),
    ],
  }))
  const declared = tools === undefined || tools === null ? '' : JSON.stringify(tools)
  return tokensOfParts(renderChat(rendered, declared), mediaTokens)
}

function thoughtsOf({ reasoning, reasoning_content }: Fields): readonly string[] {
  const thoughts = reasoning ?? reasoning_content
  return isString(thoughts) ? [thoughts] : []
}

function callsOf({ tool_calls: calls }: Fields): readonly string[] {
  if (!Array.isArray(calls)) return []
  return calls.flatMap((call: unknown) => {
    const called = isObject(call) ? call['function'] : undefined
    if (!isObject(called)) return []
    const { name, arguments: given = {} } = called
    return [callText(isString(name) ? name : '', isString(given) ? given : JSON.stringify(given))]
  })
}

/** Texts, those one after another as one, and what stands for the parts between them. */
function contentParts(content: unknown, i: number, countMedia: () => void): PromptPart[] {
  if (isString(content)) return [content]
  if (content === null || content === undefined) return []
  if (!Array.isArray(content))
    throw invalid(`messages.${i}.content`, `expected a string or parts, got ${describe(content)}`)
  const parts: PromptPart[] = []
  for (const part of content as readonly unknown[]) {
    const text = textOf(part)
    const last = parts.at(-1)
    if (text === undefined) {
      countMedia()
      parts.push(mediaDigest(part))
    } else if (isString(last)) parts[parts.length - 1] = last + text
    else parts.push(text)
  }
  return parts
}

/** The text of a part; undefined when it is something else. */
function textOf(part: unknown): string | undefined {
  if (isString(part)) return part
  if (!isObject(part)) return ''
  return [part['text'], part['refusal'], part['thinking']].find(isString)
}
