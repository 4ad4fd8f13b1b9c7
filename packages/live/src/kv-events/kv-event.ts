/** Where the blocks of an event are. */
export interface KvEventPlace {
  /** `GPU` for the device itself. */
  readonly medium: string | undefined
  /** Number of the cache group, in an engine that keeps apart what its layers keep of a prompt. */
  readonly group?: number | undefined
  /** What layers the group is of, such as `full_attention` or `sliding_window`; vLLM tells it of stored blocks alone. */
  readonly groupKind?: string | undefined
}

/** What an engine says happened in its prefix cache. Hashes are its own, reduced to 52 bits. */
export type KvEvent =
  | (KvEventPlace & {
      readonly kind: 'stored'
      readonly hashes: readonly number[]
      /** Of the block before them; undefined at a prompt's start. */
      readonly parent: number | undefined
      /** Tokens of all the blocks, one after the other. */
      readonly tokens: readonly number[]
      readonly blockTokens: number
      /** Name of the adapter, if one was used. */
      readonly adapter: string | undefined
      /** Salt of the request, if it had one; told of blocks at a prompt's start. */
      readonly cacheSalt: string | undefined
    })
  | (KvEventPlace & { readonly kind: 'removed'; readonly hashes: readonly number[] })
  | { readonly kind: 'cleared' }

/** Events of one engine step. */
export interface KvEventBatch {
  /** Seconds since 1970 by the engine's clock. */
  readonly timestampSec: number
  readonly events: readonly KvEvent[]
  /** Events that could not be read, and are not among these. */
  readonly unreadable?: number
  /** Data-parallel rank. */
  readonly rank: number
}
