/**
 * Bytes of UTF-8 that are taken for one token when nobody supplies token ids: about what English text
 * has with the tokenizers of current models.
 */
export const BYTES_PER_TOKEN = 4

/** Where the tokens of a prompt come from: the client's own ids, or an estimate from its text. */
export type TokenSource = 'ids' | 'utf8'

/**
 * Text as estimated tokens: each {@link BYTES_PER_TOKEN} bytes of UTF-8 are one, read as a number, so that
 * equal text gives equal tokens and a common prefix of two texts is one of their tokens.
 */
export function tokensOfText(text: string): Uint32Array {
  const bytes = Buffer.from(text, 'utf8')
  const whole = Math.floor(bytes.length / BYTES_PER_TOKEN)
  const rest = bytes.length - whole * BYTES_PER_TOKEN
  const tokens = new Uint32Array(whole + (rest > 0 ? 1 : 0))
  for (let i = 0; i < whole; i++) tokens[i] = bytes.readUInt32LE(i * BYTES_PER_TOKEN)
  if (rest > 0) tokens[whole] = bytes.readUIntLE(whole * BYTES_PER_TOKEN, rest)
  return tokens
}

/** One message of a conversation, its content as text. */
export interface ChatMessage {
  readonly role: string
  readonly content: string
}

/**
 * The text that stands for a conversation, up to the place where the next answer begins. Messages start at
 * whole tokens, so that a conversation which repeats an answer word for word extends the one before.
 */
export function renderChat(messages: readonly ChatMessage[], tools: string): string {
  const parts = tools === '' ? [] : [header('tools'), padded(tools)]
  for (const { role, content } of messages) parts.push(header(role), padded(content))
  parts.push(header('assistant'))
  return parts.join('')
}

function header(role: string): string {
  return padded(`<|${role}|>`)
}

function padded(text: string): string {
  const rest = Buffer.byteLength(text) % BYTES_PER_TOKEN
  return rest === 0 ? text : text + ' '.repeat(BYTES_PER_TOKEN - rest)
}
