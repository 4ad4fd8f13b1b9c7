import type { CompletionRequest } from './completion-request.js'

/** Why an answer ended. */
export type FinishReason = 'length' | 'stop'

/** Token counts of a finished request. */
export interface CompletionUsage {
  readonly promptTokens: number
  readonly completionTokens: number
  readonly cachedTokens: number
}

/** Writes the response to one request in the forms that OpenAI clients read. */
export class CompletionReply {
  private readonly isChat: boolean
  private readonly head: Readonly<Record<string, unknown>>
  private readonly kind: string
  private readonly before: string

  /** @param createdSec - seconds since 1970 */
  constructor(request: CompletionRequest, model: string, number: number, createdSec: number) {
    this.isChat = request.endpoint === 'chat'
    const id = `${this.isChat ? 'chatcmpl' : 'cmpl'}-${number.toString(36)}`
    this.kind = this.isChat ? 'chat.completion' : 'text_completion'
    this.head = { id, created: createdSec, model }
    const object = this.isChat ? 'chat.completion.chunk' : this.kind
    const start = JSON.stringify({ ...this.head, object }).slice(0, -1)
    this.before = `data: ${start},"choices":[`
  }

  /** The event that begins a stream; empty for plain completions. */
  opening(): string {
    if (!this.isChat) return ''
    return `${this.before}{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n`
  }

  /** The event for some text. @param reason - with the last, as vLLM says it */
  chunk(text: string, reason?: FinishReason): string {
    const content = JSON.stringify(text)
    const finish = reason === undefined ? 'null' : `"${reason}"`
    const choice = this.isChat
      ? `{"index":0,"delta":{"content":${content}},"finish_reason":${finish}}`
      : `{"index":0,"text":${content},"logprobs":null,"finish_reason":${finish}}`
    return `${this.before}${choice}]}\n\n`
  }

  /** The events after the last text. */
  closing(usage: CompletionUsage | undefined): string {
    const counts =
      usage === undefined ? '' : `${this.before}],"usage":${JSON.stringify(usageOf(usage))}}\n\n`
    return `${counts}data: [DONE]\n\n`
  }

  /** The whole response. */
  whole(
    text: string,
    reason: FinishReason,
    usage: CompletionUsage,
    kvTransfer: Readonly<Record<string, unknown>> | undefined,
  ): string {
    const choice = this.isChat
      ? { index: 0, message: { role: 'assistant', content: text }, finish_reason: reason }
      : { index: 0, text, logprobs: null, finish_reason: reason }
    return JSON.stringify({
      ...this.head,
      object: this.kind,
      choices: [choice],
      usage: usageOf(usage),
      ...(kvTransfer === undefined ? {} : { kv_transfer_params: kvTransfer }),
    })
  }
}

function usageOf({ promptTokens, completionTokens, cachedTokens }: CompletionUsage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  }
}
