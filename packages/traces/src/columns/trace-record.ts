import type { RequestRecord } from '@routesim/core'

/**
 * One request as a trace states it, before its prompt is placed in the prompt tree. Until then
 * `prefixTokens` is the declared length of `prefixHash`; a `promptNode` that is set already (by
 * hashed blocks) is final, and so is its `prefixTokens`.
 */
export type TraceRecord = { -readonly [K in keyof RequestRecord]: RequestRecord[K] } & {
  /** Name of the content the prompt begins with. */
  prefixHash?: string
}

/** The content of a prompt as hashed blocks. */
export interface HashedBlocks {
  readonly ids: readonly (number | string)[]
  /** Tokens per block, the last may hold fewer; or the tokens of each. */
  readonly tokens: number | readonly number[]
}
