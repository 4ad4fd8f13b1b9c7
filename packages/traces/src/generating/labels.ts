import type { RandomStream, RequestColumns, RequestTable } from '@routesim/core'
import type { NamePool } from '../columns/name-pool.js'
import { LARGEST } from './check-numbers.js'
import { tokenSampler } from './distribution.js'
import type { Streams } from './streams.js'
import { WeightedChoice, zipfWeights } from './weighted-choice.js'
import type { Choice, ClientSpec, PrefixOwner, ServiceClass } from './workload-spec.js'

/** Tenants first, as each has users of its own. */
const LABELS = ['tenant', 'user', 'model', 'adapter'] as const

const IN_TABLE_ORDER = ['user', 'tenant', 'model', 'adapter'] as const

const NONE = -1

/** Whether the requests of a client have any. */
export function hasLabels(client: ClientSpec): boolean {
  const { tenants, users, models, adapters, priorities, classes } = client
  const all = [tenants, users, models, adapters, priorities, classes]
  return all.some((given) => given !== undefined)
}

/** Names, and one more for those that have none. */
export function groupsOf({ names, count, share = 1 }: Choice): number {
  return (names?.length ?? count!) + (share < 1 ? 1 : 0)
}

/** Draws who sends a request, for which model, and what is promised. */
export class Labels {
  /** Number of the name drawn last among those of its kind, which none is one of; -1 where none has any. */
  readonly index: Record<PrefixOwner, number> = { tenant: -1, user: -1, model: -1, adapter: -1 }
  /** The same as numbers of the pool. */
  readonly name: Record<PrefixOwner, number> = { tenant: -1, user: -1, model: -1, adapter: -1 }
  sloClass: number = NONE
  priority = 0
  ttftMs = 0
  deadlineMs: number = Number.NaN
  /** Whether there is anything to draw. */
  private readonly isUsed: boolean
  private readonly choices: Readonly<Record<PrefixOwner, NamedChoice | undefined>>
  private readonly classes: ClassChoice | undefined
  private readonly drawPriority: (() => number) | undefined

  constructor(client: ClientSpec, streams: Streams, names: NamePool) {
    const { tenants, users, models, adapters, priorities, classes } = client
    this.isUsed = hasLabels(client)
    const choice = (label: PrefixOwner, given: Choice | undefined): NamedChoice | undefined =>
      given === undefined ? undefined : new NamedChoice(given, label, streams, names)
    this.choices = {
      tenant: choice('tenant', tenants),
      user: choice('user', users),
      model: choice('model', models),
      adapter: choice('adapter', adapters),
    }
    if (classes !== undefined) this.classes = new ClassChoice(classes, streams, names)
    if (priorities !== undefined) {
      this.drawPriority = tokenSampler(priorities, streams.of('priorities'), -LARGEST)
    }
  }

  /** Draws those of a request, or of all turns of a conversation. */
  draw(): void {
    if (!this.isUsed) return
    const { choices, classes, index, name } = this
    for (const label of LABELS) {
      const choice = choices[label]
      if (choice === undefined) continue
      const group = label === 'user' && choices.tenant !== undefined ? index.tenant : NONE
      index[label] = choice.draw(group)
      name[label] = choice.nameOf(group, group === NONE ? NONE : name.tenant, index[label])
    }
    if (classes !== undefined) {
      const drawn = classes.draw()
      this.sloClass = classes.nameOf(drawn)
      this.ttftMs = drawn.ttftMs ?? 0
      this.deadlineMs = drawn.deadlineMs ?? Number.NaN
      this.priority = drawn.priority ?? 0
    }
    if (this.drawPriority !== undefined) this.priority = this.drawPriority()
  }

  /** How many different names there are of a kind, none among them where some have none; 0 where all have none. */
  countOf(label: PrefixOwner): number {
    const { choices } = this
    const groups = label === 'user' ? (choices.tenant?.groups ?? 1) : 1
    return (choices[label]?.groups ?? 0) * groups
  }

  /** Writes what was drawn last to a row of columns under way. */
  writeTo(columns: RequestColumns, row: number): void {
    if (!this.isUsed) return
    for (const label of LABELS) columns[label].set(row, this.name[label])
    columns.sloClass.set(row, this.sloClass)
    columns.priority.set(row, this.priority)
    columns.ttftSloMs.set(row, this.ttftMs)
    columns.deadlineMs.set(row, this.deadlineMs)
  }

  /** Goes through the names drawn last, in the order in which tables number them. */
  eachName(visit: (name: number) => unknown): void {
    if (!this.isUsed) return
    // As the columns of a table: session, user, tenant, model...
    for (const label of IN_TABLE_ORDER) visit(this.name[label])
    visit(this.sloClass)
  }

  /** Writes it to a row of a table. `stringOf` says which string a name of the pool is. */
  writeRow(table: RequestTable, row: number, stringOf: (name: number) => number): void {
    for (const label of LABELS) table[label][row] = stringOf(this.name[label])
    if (table.sloClass !== undefined) table.sloClass[row] = stringOf(this.sloClass)
    table.priority[row] = this.priority
    table.ttftSloMs[row] = this.ttftMs
    if (table.deadlineMs !== undefined) table.deadlineMs[row] = this.deadlineMs
  }
}

/** Names, drawn by weight; each is put into the pool when it is first drawn. */
class NamedChoice {
  /** Names, and one more where some have none: the last. */
  readonly groups: number
  private readonly share: number
  private readonly choice: WeightedChoice
  private readonly spec: Choice
  private readonly label: string
  private readonly random: RandomStream
  private readonly names: NamePool
  private readonly known = new Map<number, number>()

  constructor(spec: Choice, label: string, streams: Streams, names: NamePool) {
    const size = spec.names?.length ?? spec.count!
    this.groups = groupsOf(spec)
    this.share = spec.share ?? 1
    this.choice = new WeightedChoice(spec.weights ?? zipfWeights(size, spec.zipfExponent ?? 0))
    this.spec = spec
    this.label = label
    this.random = streams.of(`${label}s`)
    this.names = names
  }

  /** @param group - of several that each have such names */
  draw(group: number): number {
    const { random, share } = this
    const hasNone = share < 1 && random.float() >= share
    const drawn = hasNone ? this.choice.size : this.choice.draw(random)
    return group === NONE ? drawn : group * this.groups + drawn
  }

  /** @param groupName - -1 for those without a group, too */
  nameOf(group: number, groupName: number, index: number): number {
    const within = group === NONE ? index : index - group * this.groups
    if (within === this.choice.size) return NONE
    let id = this.known.get(index)
    if (id === undefined) {
      const own = this.spec.names?.[within] ?? `${this.label}${within}`
      id = this.names.ofString(groupName === NONE ? own : `${this.names.name(groupName)}/${own}`)
      this.known.set(index, id)
    }
    return id
  }
}

class ClassChoice {
  private readonly classes: readonly ServiceClass[]
  private readonly choice: WeightedChoice
  private readonly random: RandomStream
  private readonly names: NamePool

  constructor(classes: readonly ServiceClass[], streams: Streams, names: NamePool) {
    this.classes = classes
    this.choice = new WeightedChoice(classes.map(({ weight }) => weight))
    this.random = streams.of('classes')
    this.names = names
  }

  draw(): ServiceClass {
    return this.classes[this.choice.draw(this.random)]!
  }

  nameOf({ name }: ServiceClass): number {
    return this.names.ofString(name)
  }
}
