/** A name that a worker answers to. */
export interface ServedModel {
  readonly name: string
  /** The model that it is a LoRA adapter of; undefined when it is a model itself, as far as is told. */
  readonly adapterOf: string | undefined
  /** Whether what it computes is no KV of the first model that the worker names. */
  readonly isApart: boolean
  /** All that the worker says of it; of an adapter with the name of its model as `parent`. */
  readonly card: Readonly<Record<string, unknown>>
}

/** What a worker serves that is known by one name alone. */
export function oneModel(name: string): readonly ServedModel[] {
  return [{ name, adapterOf: undefined, isApart: false, card: {} }]
}

interface Card extends Readonly<Record<string, unknown>> {
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
      // A parent may be told by another name than those that are served.
      const adapterOf = parent === undefined || isNamed ? parent : (first?.id ?? parent)
      return {
        name: card.id,
        adapterOf,
        isApart: card !== first && (parent !== undefined || !isAlias),
        card: adapterOf === undefined ? card : { ...card, parent: adapterOf },
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Whether a worker serves the same as before; what it says of it may change from time to time, such as its age. */
export function serveAlike(
  before: readonly ServedModel[] | undefined,
  after: readonly ServedModel[],
): boolean {
  const known = (served: readonly ServedModel[] | undefined): string | undefined =>
    JSON.stringify(served?.map(({ card: _, ...rest }) => rest))
  return known(before) === known(after)
}

function parentOf({ id, parent }: Card): string | undefined {
  return typeof parent === 'string' && parent !== '' && parent !== id ? parent : undefined
}

function isCard(value: unknown): value is Card {
  return typeof (value as Card | null)?.id === 'string'
}
