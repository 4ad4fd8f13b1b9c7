/** A name that a worker answers to. */
export interface ServedModel {
  readonly name: string
  /** The model that it is a LoRA adapter of; undefined when it is a model itself, as far as is told. */
  readonly adapterOf: string | undefined
  /** Whether what it computes is no KV of the first model that the worker names. */
  readonly isApart: boolean
}

/** What a worker serves that is known by one name alone. */
export function oneModel(name: string): readonly ServedModel[] {
  return [{ name, adapterOf: undefined, isApart: false }]
}

interface Card {
  readonly id: string
  readonly root?: unknown
  readonly parent?: unknown
}

/**
 * Reads an answer to `GET /v1/models`. An adapter tells its `parent`, and names of one model have the same `root`, as
 * vLLM and SGLang write them; where neither is told, each name is a model of its own.
 *
 * @returns in order of names; empty when it names none
 * @throws SyntaxError when it is no JSON
 */
export function readServedModels(text: string): readonly ServedModel[] {
  const data = (JSON.parse(text) as { data?: unknown } | null)?.data
  const cards = new Map(
    (Array.isArray(data) ? data : []).filter(isCard).map((card) => [card.id, card]),
  )
  const models = [...cards.values()].filter((card) => parentOf(card) === undefined)
  const [first] = models
  return [...cards.values()]
    .map((card): ServedModel => {
      const parent = parentOf(card)
      const isNamed = models.some(({ id }) => id === parent)
      const isAlias = card.root !== undefined && card.root === first?.root
      return {
        name: card.id,
        // A parent may be told by another name than those that are served.
        adapterOf: parent === undefined || isNamed ? parent : (first?.id ?? parent),
        isApart: card !== first && (parent !== undefined || !isAlias),
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function parentOf({ id, parent }: Card): string | undefined {
  return typeof parent === 'string' && parent !== '' && parent !== id ? parent : undefined
}

function isCard(value: unknown): value is Card {
  return typeof (value as Card | null)?.id === 'string'
}
