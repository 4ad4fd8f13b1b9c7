import type { TraceFormat } from '../formats/trace-format.js'

/** Where a template leaves the values of a line. */
export const ARRIVAL = 0
export const PROMPT = 1
export const OUTPUT = 2
export const MAX_TOKENS = 3
export const PREFIX_TOKENS = 4
export const PRIORITY = 5
export const BLOCK_SIZE = 6
/** From here on values are names. */
export const FIRST_NAME = 7
export const IGNORED = 13
export const SLOTS = 14
/** A field that only the reader of the format understands: its lines are left to that. */
export const LEFT_TO_READER = -1

/** Columns of the names, from {@link FIRST_NAME} on. */
export const NAME_SLOTS = ['session', 'user', 'tenant', 'model', 'adapter', 'prefixHash'] as const

const nameSlot = (name: (typeof NAME_SLOTS)[number]): number =>
  FIRST_NAME + NAME_SLOTS.indexOf(name)

/** The field that holds the ids of hashed blocks, in both formats. */
export const BLOCK_IDS = 'hash_ids'

/** Fields of the formats that templates can read, but for {@link BLOCK_IDS}. */
export const TEMPLATE_FIELDS: Readonly<Partial<Record<TraceFormat, ReadonlyMap<string, number>>>> =
  {
    compact_jsonl: new Map([
      ['ts', ARRIVAL],
      ['prompt_tokens', PROMPT],
      ['gen_tokens', OUTPUT],
      ['max_tokens', MAX_TOKENS],
      ['prefix_len', PREFIX_TOKENS],
      ['priority', PRIORITY],
      ['block_size', BLOCK_SIZE],
      ['conversation_id', nameSlot('session')],
      ['user', nameSlot('user')],
      ['tenant', nameSlot('tenant')],
      ['model', nameSlot('model')],
      ['lora_adapter', nameSlot('adapter')],
      ['prefix_hash', nameSlot('prefixHash')],
      ['slo_class', LEFT_TO_READER],
      ['ttft_ms', LEFT_TO_READER],
      ['deadline_ms', LEFT_TO_READER],
      ['think_ms', LEFT_TO_READER],
      ['id', LEFT_TO_READER],
      ['after', LEFT_TO_READER],
      ['any_end', LEFT_TO_READER],
    ]),
    mooncake: new Map([
      ['timestamp', ARRIVAL],
      ['input_length', PROMPT],
      ['output_length', OUTPUT],
      ['block_size', BLOCK_SIZE],
      ['session_id', nameSlot('session')],
      ['delay', LEFT_TO_READER],
    ]),
  }
