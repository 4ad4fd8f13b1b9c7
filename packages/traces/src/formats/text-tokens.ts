/** About what English costs in the tokenizers of today. */
const DEFAULT_CHARS_PER_TOKEN = 4

/** Tokens per block of texts: prompts are compared in steps of so much. */
export const TEXT_BLOCK_TOKENS = 16

/** Estimates how many tokens texts are, and cuts them into blocks of content. */
export class TextTokens {
  private readonly charsPerToken: number

  constructor(charsPerToken: number = DEFAULT_CHARS_PER_TOKEN) {
    this.charsPerToken = charsPerToken
  }

  /** Tokens of a text, at least 1. */
  count(text: string): number {
    return Math.max(1, Math.ceil(text.length / this.charsPerToken))
  }

  /** The whole blocks of a text; equal blocks after equal beginnings are equal content. */
  blocks(text: string): string[] {
    const chars = TEXT_BLOCK_TOKENS * this.charsPerToken
    const whole = Math.floor(this.count(text) / TEXT_BLOCK_TOKENS)
    return Array.from({ length: whole }, (_, i) =>
      text.slice(Math.round(i * chars), Math.round((i + 1) * chars)),
    )
  }
}
