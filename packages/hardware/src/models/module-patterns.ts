/** An entry that is no regular expression. */
export class UnreadablePattern extends Error {}

/**
 * Whether lists of a checkpoint name a module: `re:` begins a regular expression from the beginning of its name
 * (compressed-tensors), `*` stands for anything (ModelOpt), and all else is a whole name or, outside compressed-tensors
 * (`_is_equal_or_regex_match` of vLLM), a part of one from dot to dot, such as a layer or `self_attn`
 * (`is_layer_skipped` of vLLM, `exclude_modules` of SGLang).
 */
export class ModulePatterns {
  private readonly isExact: boolean
  private readonly plain: ReadonlySet<string>
  /** Expressions that name a layer by its number, by that. */
  private readonly ofLayers = new Map<number, RegExp[]>()
  /** Expressions that say nothing of layers: what they match they match in all. */
  private readonly ofAll: RegExp[] = []
  private readonly others: RegExp[] = []
  private readonly known = new Map<readonly string[], boolean>()

  /**
   * @param isExact - whether plain entries are whole names
   * @throws UnreadablePattern
   */
  constructor(entries: readonly unknown[], isExact = false) {
    this.isExact = isExact
    const texts = entries.filter((entry) => typeof entry === 'string')
    const isPlain = (text: string): boolean => !text.startsWith('re:') && !text.includes('*')
    this.plain = new Set(texts.filter(isPlain).map((text) => text.replace(/^\.+|\.+$/g, '')))
    for (const text of texts) if (!isPlain(text)) this.add(text)
  }

  /** Whether one of the names that a module may have in some layer is named. */
  match(names: readonly string[], layer: number): boolean {
    const own = this.ofLayers.get(layer) ?? []
    if (this.plain.size + own.length + this.others.length > 0) {
      const whole = names.flatMap((name) => ROOTS.map((root) => `${root}layers.${layer}.${name}`))
      if (whole.some((name) => this.isPlain(name))) return true
      if (matchesAny(own, whole) || matchesAny(this.others, whole)) return true
    }
    return this.matchInAll(names)
  }

  private matchInAll(names: readonly string[]): boolean {
    if (this.ofAll.length === 0) return false
    let isKnown = this.known.get(names)
    if (isKnown === undefined) {
      const whole = names.flatMap((name) => ROOTS.map((root) => `${root}layers.0.${name}`))
      isKnown = matchesAny(this.ofAll, whole)
      this.known.set(names, isKnown)
    }
    return isKnown
  }

  private isPlain(name: string): boolean {
    if (this.plain.size === 0) return false
    return this.isExact ? this.plain.has(name) : runsOf(name).some((run) => this.plain.has(run))
  }

  private add(text: string): void {
    const expression = expressionOf(text)
    const [, layer] = NUMBERED.exec(text) ?? []
    if (layer !== undefined) {
      const own = this.ofLayers.get(Number(layer)) ?? []
      this.ofLayers.set(Number(layer), own)
      own.push(expression)
    } else if (WITHOUT_LAYERS.test(text)) this.ofAll.push(expression)
    else this.others.push(expression)
  }
}

/** What comes before the layers; models that see pictures have more. */
const ROOTS = ['model.', 'model.language_model.', 'language_model.model.'] as const

/** Names one layer: its number, and then a dot that is one, with no other way to match. */
const NUMBERED = /^(?:re:(?!.*[|?])|(?!re:))[^|]*layers\\?\.(\d+)(?:\\\.(?![*+{])|(?<!^re:.*)\.)/
/** Letters, dots and what stands for anything: no numbers, and nothing that counts characters. */
const WITHOUT_LAYERS = /^(?:re:)?\^?(?:[A-Za-z_]|\\\.|\.[*+]|(?<!^re:.*)[.*])*\$?$/

function matchesAny(expressions: readonly RegExp[], names: readonly string[]): boolean {
  return expressions.some((expression) => names.some((name) => expression.test(name)))
}

/** @throws UnreadablePattern */
function expressionOf(text: string): RegExp {
  if (!text.startsWith('re:')) {
    const glob = text.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replace(/\*/g, '.*')
    return new RegExp(String.raw`(?:^|\.)${glob}(?:\.|$)`)
  }
  // As Python writes them.
  const [, flags = '', python = ''] = /^re:(?:\(\?([ims]+)\))?(.*)$/s.exec(text)!
  const source = python.replaceAll('(?P<', '(?<').replaceAll(/\(\?P=(\w+)\)/g, String.raw`\k<$1>`)
  try {
    return new RegExp(`^(?:${source})`, flags)
  } catch {
    throw new UnreadablePattern(`expected regular expressions after re:, got "${text}"`)
  }
}

/** Parts of a name from dot to dot. */
function runsOf(name: string): string[] {
  const words = name.split('.')
  return words.flatMap((_, from) =>
    words.slice(from).map((_, length) => words.slice(from, from + length + 1).join('.')),
  )
}
