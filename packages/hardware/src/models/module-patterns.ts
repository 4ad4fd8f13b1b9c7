/**
 * Whether lists of a checkpoint name a module: `re:` begins a regular expression from the beginning of its name
 * (compressed-tensors), `*` stands for anything (ModelOpt), and all else is a part of the name from dot to dot, such as
 * a whole name, a layer or `self_attn` (`should_ignore_layer` and `is_layer_skipped` of vLLM, `exclude_modules` of SGLang).
 */
export class ModulePatterns {
  private readonly plain: ReadonlySet<string>
  private readonly expressions: readonly RegExp[]

  constructor(entries: readonly unknown[]) {
    const texts = entries.filter((entry) => typeof entry === 'string')
    const isPlain = (text: string): boolean => !text.startsWith('re:') && !text.includes('*')
    this.plain = new Set(texts.filter(isPlain).map((text) => text.replace(/^\.+|\.+$/g, '')))
    this.expressions = texts.filter((text) => !isPlain(text)).flatMap(expressionOf)
  }

  /** Whether one of the names that a module may have in some layer is named. */
  match(names: readonly string[], layer: number): boolean {
    if (this.plain.size + this.expressions.length === 0) return false
    return names.some((name) =>
      ROOTS.some((root) => this.matchName(`${root}layers.${layer}.${name}`)),
    )
  }

  private matchName(name: string): boolean {
    return (
      (this.plain.size > 0 && runsOf(name).some((run) => this.plain.has(run))) ||
      this.expressions.some((expression) => expression.test(name))
    )
  }
}

/** What comes before the layers; models that see pictures have more. */
const ROOTS = ['model.', 'model.language_model.', 'language_model.model.'] as const

/** Expressions that JavaScript cannot read match nothing. */
function expressionOf(text: string): RegExp[] {
  const glob = text.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replace(/\*/g, '.*')
  const source = text.startsWith('re:')
    ? `^(?:${text.slice('re:'.length)})`
    : String.raw`(?:^|\.)${glob}(?:\.|$)`
  try {
    return [new RegExp(source)]
  } catch {
    return []
  }
}

/** Parts of a name from dot to dot. */
function runsOf(name: string): string[] {
  const words = name.split('.')
  return words.flatMap((_, from) =>
    words.slice(from).map((_, length) => words.slice(from, from + length + 1).join('.')),
  )
}
