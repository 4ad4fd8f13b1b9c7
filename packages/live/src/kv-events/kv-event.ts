/** What an engine says happened in its prefix cache. Hashes are its own, reduced to 52 bits. */
export type KvEvent =
  | {
      readonly kind: 'stored'
      readonly hashes: readonly number[]
      /** Of the block before them; undefined at a prompt's start. */
      readonly parent: number | undefined
      /** Tokens of all the blocks, one after the other. */
      readonly tokens: readonly number[]
      readonly blockTokens: number
      /** Where the blocks are: `GPU` for the device itself. */
      readonly medium: string | undefined
      /** Name of the adapter, if one was used. */
      readonly adapter: string | undefined
      /** Salt of the request, if it had one; told of blocks at a prompt's start. */
      readonly cacheSalt: string | undefined
    }
  | {
      readonly kind: 'removed'
      readonly hashes: readonly number[]
      readonly medium: string | undefined
    }
  | { readonly kind: 'cleared' }

/** Events of one engine step. */
export interface KvEventBatch {
  /** Seconds since 1970 by the engine's clock. */
  readonly timestampSec: number
  readonly events: readonly KvEvent[]
  /** Data-parallel rank. */
  readonly rank: number
}
