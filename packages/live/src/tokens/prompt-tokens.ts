import type { MediaDigest } from './media-digest.js'

/**
 * Bytes of UTF-8 that are taken for one token when nobody supplies token ids: about what English text
 * has with the tokenizers of current models.
 */
export const BYTES_PER_TOKEN = 4

/**
 * Tokens that a picture, a recording, a video or a file in a message is taken for: those of a picture of 1024 x 1024 in
 * Qwen3-VL, where 32 x 32 pixels are one. LLaVA 1.5 has 576 for any picture, Llama 4 has 144 for each tile of 336 x 336.
 */
export const MEDIA_TOKENS = 1024

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

/** A piece of a prompt: its text, or what stands for something else. */
export type PromptPart = string | MediaDigest

/** One message of a conversation. */
export interface ChatMessage {
  readonly role: string
  readonly parts: readonly PromptPart[]
}

/**
 * What stands for a conversation, up to the place where the next answer begins. Messages, and parts of them, start at
 * whole tokens, so that a conversation which repeats an answer word for word extends the one before.
 */
export function renderChat(messages: readonly ChatMessage[], tools: string): PromptPart[] {
  const rendered: PromptPart[] = tools === '' ? [] : [header('tools'), padded(tools)]
  for (const { role, parts } of messages) {
    rendered.push(header(role))
    for (const part of parts) rendered.push(typeof part === 'string' ? padded(part) : part)
  }
  rendered.push(header('assistant'))
  return rendered
}

/** The text of a call of a function. @param given - its arguments as JSON */
export function callText(name: string, given: string): string {
  return `${header('call')}${name}(${given})`
}

/** Estimated tokens of a prompt, with as many for each part that is no text. */
export function tokensOfParts(parts: readonly PromptPart[], mediaTokens: number): Uint32Array {
  const pieces: Uint32Array[] = []
  for (let from = 0, to = 0; from < parts.length; from = to) {
    const part = parts[from]!
    to = from + 1
    if (typeof part !== 'string') {
      pieces.push(filledWith(part, mediaTokens))
      continue
    }
    while (typeof parts[to] === 'string') to++
    pieces.push(tokensOfText(parts.slice(from, to).join('')))
  }
  if (pieces.length === 1) return pieces[0]!
  const tokens = new Uint32Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const piece of pieces) {
    tokens.set(piece, end)
    end += piece.length
  }
  return tokens
}

function filledWith(digest: MediaDigest, count: number): Uint32Array {
  const tokens = new Uint32Array(count)
  for (let i = 0; i < count; i++) tokens[i] = digest[i % digest.length]!
  return tokens
}

function header(role: string): string {
  return padded(`<|${role}|>`)
}

function padded(text: string): string {
  const rest = Buffer.byteLength(text) % BYTES_PER_TOKEN
  return rest === 0 ? text : text + ' '.repeat(BYTES_PER_TOKEN - rest)
}
