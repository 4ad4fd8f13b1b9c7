import { expectedError, isObject, type JsonObject } from '../reading/json-fields.js'

/** All that a prompt of OpenAI's API says, in order. @throws RouteSimError when there is none */
export function promptText(payload: JsonObject): string {
  const messages = payload['messages']
  if (Array.isArray(messages)) {
    return messages
      .map((message) => (isObject(message) ? contentOf(message['content']) : ''))
      .join('\n')
  }
  const prompt = payload['prompt'] ?? payload['input'] ?? payload['text']
  if (typeof prompt === 'string' || Array.isArray(prompt)) return contentOf(prompt)
  throw expectedError('payload', 'messages or a prompt', prompt)
}

function contentOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part) => (isObject(part) ? contentOf(part['text']) : contentOf(part)))
    .join('\n')
}
