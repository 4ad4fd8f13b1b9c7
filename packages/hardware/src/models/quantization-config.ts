import {
  type ComputePrecision,
  type KvPrecision,
  WEIGHT_FORMATS,
  type WeightFormat,
  type WeightPrecision,
} from '../precision/precision.js'
import { isTable } from './config-fields.js'
import type { Checkpoint, FormatShare, Model, WeightPart } from './model.js'
import { ModulePatterns } from './module-patterns.js'
import { usualFormat } from './weight-formats.js'
import { type WeightModule, weightModules } from './weight-modules.js'

type Table = Readonly<Record<string, unknown>>

/** What a `quantization_config` makes of the weights that it covers. */
interface Quantized {
  readonly precision: WeightPrecision
  readonly format: WeightFormat
}

/** Some weights, by the modules or kinds of modules that a group of compressed-tensors names. */
interface Group extends Quantized {
  readonly targets: ModulePatterns
  readonly isOfAll: boolean
}

/** How each `quant_method` says what the weights are in. */
const METHODS: Readonly<Record<string, (config: Table) => readonly Group[] | undefined>> = {
  fp8: () => ofAll('fp8'),
  fbgemm_fp8: () => ofAll('fp8'),
  mxfp4: () => ofAll('mxfp4'),
  awq: ofBits,
  gptq: ofBits,
  bitsandbytes: (config) => {
    if (config['load_in_4bit'] === true) return ofAll('int4', blocksOf64(config))
    return config['load_in_8bit'] === true ? ofAll('int8') : undefined
  },
  'compressed-tensors': (config) => {
    const groups = Object.values(tableAt(config, 'config_groups')).map(groupOf)
    const known = groups.filter((group) => group !== undefined)
    return known.length === groups.length && known.length > 0 ? known : undefined
  },
  modelopt: (config) => {
    const algorithm = String(fieldOf(config, 'quant_algo')).toUpperCase()
    if (algorithm === 'FP8') return ofAll('fp8')
    return algorithm === 'NVFP4' ? ofAll('fp4') : undefined
  },
}

/** Values of `quant_method` that are read. */
export const QUANT_METHODS: readonly string[] = Object.keys(METHODS)

/** `quant_method` of a `quantization_config`; files of ModelOpt leave it out. */
export function quantMethodOf(config: Table): unknown {
  const isModelopt =
    tableAt(config, 'producer')['name'] === 'modelopt' ||
    fieldOf(config, 'quant_algo') !== undefined
  return config['quant_method'] ?? (isModelopt ? 'modelopt' : undefined)
}

/** What a `quantization_config` says of its method and widths, for messages. */
export function shownQuantization(config: Table): string {
  const method = quantMethodOf(config)
  const algorithm = fieldOf(config, 'quant_algo')
  const own = {
    quant_method: method,
    quant_algo: algorithm,
    bits: config['bits'] ?? config['w_bit'],
  }
  return method === undefined ? 'none' : JSON.stringify(own)
}

/** A field that files of ModelOpt may have in a table of its own. */
function fieldOf(config: Table, key: string): unknown {
  return config[key] ?? tableAt(config, 'quantization')[key]
}

/**
 * A model with the weights that a `quantization_config` of Hugging Face describes: its precision is that of most of the
 * weights that are quantised, and what lists leave out, or groups have in another format, is in `checkpoints`.
 * @param dense - its layers without experts; the first ones by default
 * @returns undefined if the method, or the widths it names, are not known
 * @throws UnreadablePattern
 */
export function quantizedModel(
  model: Model,
  config: Table,
  dense?: readonly number[],
): Model | undefined {
  const method = String(quantMethodOf(config))
  const groups = Object.hasOwn(METHODS, method) ? METHODS[method]!(config) : undefined
  if (groups === undefined) return undefined
  const weights = new QuantizedWeights(weightModules(model, dense), groups, leftOut(config))
  const precision = weights.precision()
  const kvCache = kvCacheOf(config)
  const parts = weights.parts(precision)
  const checkpoint: Checkpoint = {
    ...(Object.keys(parts).length === 0 ? {} : { parts }),
    ...(kvCache === undefined ? {} : { kvCache }),
  }
  return {
    ...model,
    weights: precision,
    ...(Object.keys(checkpoint).length === 0 ? {} : { checkpoints: { [precision]: checkpoint } }),
  }
}

/** Lists of modules that stay in 16 bits; GPTQModel has them among rules, with a minus before them. */
function leftOut(config: Table): ModulePatterns {
  const lists = [
    'ignore',
    'ignored_layers',
    'modules_to_not_convert',
    'exclude_modules',
    'llm_int8_skip_modules',
  ].flatMap((key) => fieldOf(config, key) ?? [])
  const isExact = quantMethodOf(config) === 'compressed-tensors'
  const rules = Object.keys(tableAt(config, 'dynamic')).filter((rule) => rule.startsWith('-:'))
  const texts = rules.map((rule) => `re:${rule.slice('-:'.length)}`)
  return new ModulePatterns([...lists, ...texts], isExact)
}

/** 8-bit caches, which vLLM takes for `auto` (vllm-project/vllm pull request 30141, of checkpoints of compressed-tensors). */
function kvCacheOf(config: Table): KvPrecision | undefined {
  const scheme = tableAt(config, 'kv_cache_scheme')
  const isFloat8 = scheme['num_bits'] === 8 && scheme['type'] === 'float'
  const algorithm = String(fieldOf(config, 'kv_cache_quant_algo')).toUpperCase()
  return isFloat8 || algorithm === 'FP8' ? 'fp8' : undefined
}

/** Parameters of a model by what they are in. */
class QuantizedWeights {
  private readonly counts: ReadonlyMap<WeightPart, readonly (readonly [Quantized, number])[]>

  constructor(modules: readonly WeightModule[], groups: readonly Group[], except: ModulePatterns) {
    const counts = new Map<WeightPart, [Quantized, number][]>()
    const rest = groups.find(({ isOfAll }) => isOfAll) ?? WIDE
    for (const { part, names, parameters, layers, count } of modules) {
      const ofPart = counts.get(part) ?? []
      counts.set(part, ofPart)
      const add = ({ precision, format }: Quantized, times: number): void => {
        if (times === 0) return
        const own = part === 'experts' ? { precision, format } : outsideExperts(precision, format)
        const known = ofPart.find(([each]) => isSame(each.format, own.format))
        if (known === undefined) ofPart.push([own, times * parameters])
        else known[1] += times * parameters
      }
      const named = new Map<Quantized, number>()
      for (const layer of layers) {
        const group = except.match(names, layer)
          ? WIDE
          : groups.find(({ targets }) => targets.match(names, layer))
        if (group !== undefined) named.set(group, (named.get(group) ?? 0) + 1)
      }
      const all = [...named.values()].reduce((sum, times) => sum + times, 0)
      // Who names more layers than have it, names it in all.
      for (const [group, times] of named) add(group, times * Math.min(1, count / all))
      add(rest, Math.max(0, count - all))
    }
    this.counts = counts
  }

  /** That of most weights beyond 16 bits. */
  precision(): WeightPrecision {
    const counts = new Map<WeightPrecision, number>()
    for (const [{ precision }, count] of [...this.counts.values()].flat())
      if (precision !== 'bf16') counts.set(precision, (counts.get(precision) ?? 0) + count)
    const [most = ['bf16', 0]] = [...counts].sort(([, a], [, b]) => b - a)
    return most[0] === 'int4' && this.leavesAllButExperts()
      ? 'int4_experts'
      : (most[0] as WeightPrecision)
  }

  private leavesAllButExperts(): boolean {
    return [...this.counts].every(
      ([part, counts]) =>
        part === 'experts' || counts.every(([{ precision }]) => precision === 'bf16'),
    )
  }

  /** What parts are in that are not in the precision throughout. */
  parts(precision: WeightPrecision): { [Each in WeightPart]?: readonly FormatShare[] } {
    const parts: { [Each in WeightPart]?: readonly FormatShare[] } = {}
    for (const [part, counts] of this.counts) {
      const sum = counts.reduce((total, [, count]) => total + count, 0)
      const [[first] = [WIDE]] = counts
      if (counts.length === 1 && isSame(first.format, usualFormat(precision, part).format)) continue
      parts[part] = counts.map(([{ format }, count]) => ({ format, share: count / sum }))
    }
    return parts
  }
}

const WIDE: Quantized = { precision: 'bf16', format: WEIGHT_FORMATS.bf16 }

/** What is quantised of experts alone leaves the rest as it is. */
function outsideExperts(precision: WeightPrecision, format: WeightFormat): Quantized {
  return precision === 'mxfp4' ? WIDE : { precision, format }
}

function isSame(a: WeightFormat, b: WeightFormat): boolean {
  return a.bytesPerWeight === b.bytesPerWeight && a.computes === b.computes
}

function ofAll(precision: WeightPrecision, format = WEIGHT_FORMATS[precision]): Group[] {
  return [{ precision, format, targets: new ModulePatterns([]), isOfAll: true }]
}

/** A group of compressed-tensors: those for classes, such as `Linear`, are for all that no other one names. */
function groupOf(group: unknown): Group | undefined {
  if (!isTable(group)) return undefined
  const weights = tableAt(group, 'weights')
  const isFloat = weights['type'] === 'float'
  const precision = ofNumbers(weights['num_bits'], isFloat)
  if (precision === undefined) return undefined
  const activations = tableAt(group, 'input_activations')
  const computes = ofNumbers(activations['num_bits'], activations['type'] === 'float')
  const given = [group['targets'] ?? []].flat()
  const targets = given.length === 0 ? ['Linear'] : given
  const format: WeightFormat = {
    bytesPerWeight: scaledBytes(
      Number(weights['num_bits']),
      weights['group_size'] ?? (precision === 'fp4' ? 16 : undefined),
      (isFloat ? 8 : 16) + (weights['symmetric'] === false ? Number(weights['num_bits']) : 0),
    ),
    // Weights alone are widened by kernels, Marlin and Machete in vLLM.
    computes: computes === undefined || computes === 'int4' ? 'bf16' : computesOf(computes),
  }
  return {
    precision,
    format,
    targets: new ModulePatterns(targets, true),
    isOfAll: targets.some((target) => /^[A-Z]\w*$/.test(String(target))),
  }
}

function computesOf(precision: WeightPrecision): ComputePrecision {
  return WEIGHT_FORMATS[precision].computes
}

/** AWQ and GPTQ quantise weights alone, with a scale and a zero point for each group of a column. */
function ofBits(config: Table): Group[] | undefined {
  const bits = config['bits'] ?? config['w_bit'] ?? 4
  const precision = ofNumbers(bits, false)
  if (precision === undefined) return undefined
  const group = config['group_size'] ?? config['q_group_size'] ?? 128
  const format: WeightFormat = {
    bytesPerWeight: scaledBytes(Number(bits), group, 16 + Number(bits)),
    computes: 'bf16',
  }
  // Rules of GPTQModel give some modules other widths.
  const rules = Object.entries(tableAt(config, 'dynamic'))
  const others = rules.flatMap(([rule, own]) => {
    if (rule.startsWith('-:') || !isTable(own) || own['bits'] === undefined) return []
    const targets = new ModulePatterns([`re:${rule.replace(/^\+:/, '')}`])
    const widths = ofBits({ bits: own['bits'], group_size: own['group_size'] ?? group })
    return (widths ?? []).map((each) => ({ ...each, targets, isOfAll: false }))
  })
  return [...others, ...ofAll(precision, format)]
}

/**
 * A 32-bit scale for 64 weights; quantised again, an 8-bit one, and a 32-bit one for 256 of those (QLoRA, arXiv
 * 2305.14314, section 3).
 */
function blocksOf64(config: Table): WeightFormat {
  const isDouble = config['bnb_4bit_use_double_quant'] === true
  const scaleBits = isDouble ? 8 / 64 + 32 / (64 * 256) : 32 / 64
  return { bytesPerWeight: (4 + scaleBits) / 8, computes: 'bf16' }
}

/** Bytes of a weight with its part of what each group has; groups as long as a column count as none. */
function scaledBytes(bits: number, group: unknown, bitsPerGroup: number): number {
  const size = Number(group ?? 0) >= 1 ? Number(group) : Number.POSITIVE_INFINITY
  return (bits + bitsPerGroup / size) / 8
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
