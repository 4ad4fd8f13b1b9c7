import type { WeightPrecision } from '../precision/precision.js'

type Table = Readonly<Record<string, unknown>>

/** How each `quant_method` says what the weights are in. */
const METHODS: Readonly<Record<string, (config: Table) => WeightPrecision | undefined>> = {
  fp8: () => 'fp8',
  fbgemm_fp8: () => 'fp8',
  mxfp4: () => 'mxfp4',
  awq: ofBits,
  gptq: ofBits,
  bitsandbytes: (config) =>
    config['load_in_4bit'] === true ? 'int4' : config['load_in_8bit'] === true ? 'int8' : undefined,
  'compressed-tensors': (config) => {
    const group = Object.values(tableAt(config, 'config_groups'))[0]
    const weights = isTable(group) ? tableAt(group, 'weights') : {}
    const precision = ofNumbers(weights['num_bits'], weights['type'] === 'float')
    return precision === 'int4' && isForExperts(config) ? 'int4_experts' : precision
  },
  modelopt: (config) => {
    const known: Readonly<Record<string, WeightPrecision>> = { FP8: 'fp8', NVFP4: 'fp4' }
    return known[String(algorithmOf(config)).toUpperCase()]
  },
}

/** Values of `quant_method` that are read. */
export const QUANT_METHODS: readonly string[] = Object.keys(METHODS)

/** `quant_method` of a `quantization_config`; files of ModelOpt leave it out. */
export function quantMethodOf(config: Table): unknown {
  const isModelopt =
    tableAt(config, 'producer')['name'] === 'modelopt' || algorithmOf(config) !== undefined
  return config['quant_method'] ?? (isModelopt ? 'modelopt' : undefined)
}

/** What ModelOpt calls the precision. */
function algorithmOf(config: Table): unknown {
  return config['quant_algo'] ?? tableAt(config, 'quantization')['quant_algo']
}

/**
 * Precision of the weights that a `quantization_config` of Hugging Face describes: of its first group,
 * where it has several.
 * @returns undefined if the method, or the widths it names, are not known
 */
export function precisionOfQuantization(config: Table): WeightPrecision | undefined {
  const method = String(quantMethodOf(config))
  return Object.hasOwn(METHODS, method) ? METHODS[method]!(config) : undefined
}

/** What a layer of a mixture has beside its routed experts. */
const BESIDE_EXPERTS = ['self_attn.o_proj', 'mlp.down_proj', 'mlp.shared_experts.down_proj']

/** Whether compressed-tensors leaves all of a layer but its routed experts as it is. */
function isForExperts({ ignore }: Table): boolean {
  if (!Array.isArray(ignore)) return false
  const patterns = ignore.filter((entry) => typeof entry === 'string' && entry.startsWith('re:'))
  return BESIDE_EXPERTS.every((name) =>
    patterns.some((pattern) => matches(pattern.slice('re:'.length), `model.layers.1.${name}`)),
  )
}

/** Like Python's `re.match`, from the beginning. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})`).test(text)
  } catch {
    return false
  }
}

function ofBits(config: Table): WeightPrecision | undefined {
  return ofNumbers(config['bits'] ?? config['w_bit'] ?? 4, false)
}

function ofNumbers(bits: unknown, isFloat: boolean): WeightPrecision | undefined {
  if (bits === 8) return isFloat ? 'fp8' : 'int8'
  if (bits === 4) return isFloat ? 'fp4' : 'int4'
  return undefined
}

function tableAt(config: Table, key: string): Table {
  const value = config[key]
  return isTable(value) ? value : {}
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
