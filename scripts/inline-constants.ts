import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Expression, type Node, type Program, parseSync, visitorKeys } from 'oxc-parser'
import type { Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]
type Constants = ReadonlyMap<string, number>

/** A file as it was read and understood. */
interface Parsed {
  readonly text: string
  readonly program: Program
}

/**
 * Writes numbers where files use constants of them by a name in capitals, their own and those that they import from
 * files of the same package. Bundling makes a constant a variable of the bundle, which V8 loads and checks at every
 * use: the engine takes a fifth longer then.
 */
export const inlineConstants: Plugin = {
  name: 'inline-constants',
  setup(build) {
    const exported = new Map<string, Promise<Constants>>()
    const exportedBy = (path: string): Promise<Constants> => {
      const found = exported.get(path) ?? parse(path).then((file) => withOwn(file, new Map()))
      exported.set(path, found)
      return found
    }
    build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const file = await parse(path)
      const imported = new Map<string, number>()
      for (const { name, local, from } of importsOf(file)) {
        const value = (await exportedBy(resolve(dirname(path), from))).get(name)
        if (value !== undefined) imported.set(local, value)
      }
      return { contents: inlined(file, withOwn(file, imported)), loader: 'ts' }
    })
  },
}

async function parse(path: string): Promise<Parsed> {
  const text = await readFile(path, 'utf8')
  return { text, program: parseSync(path, text).program }
}

/** The constants that a file knows, with those at its top that are numbers. */
function withOwn({ program }: Parsed, imported: Constants): Constants {
  const constants = new Map(imported)
  for (const statement of program.body) {
    const declaration =
      statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (declaration?.type !== 'VariableDeclaration' || declaration.kind !== 'const') continue
    for (const { id, init } of declaration.declarations) {
      if (id.type !== 'Identifier' || !/^[A-Z][A-Z0-9_]*$/.test(id.name)) continue
      const value = init === null ? undefined : numberOf(init, constants)
      if (value !== undefined) constants.set(id.name, value)
    }
  }
  return constants
}

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '**': (a, b) => a ** b,
  '<<': (a, b) => a << b,
  '^': (a, b) => a ^ b,
}

/** What an expression of numbers comes to, undefined for any other. */
function numberOf(node: Expression, known: Constants): number | undefined {
  if (node.type === 'Literal') return typeof node.value === 'number' ? node.value : undefined
  if (node.type === 'Identifier') return known.get(node.name)
  if (node.type === 'UnaryExpression' && node.operator === '-') {
    const value = numberOf(node.argument, known)
    return value === undefined ? undefined : -value
  }
  if (node.type !== 'BinaryExpression' || node.left.type === 'PrivateIdentifier') return undefined
  const [left, right] = [numberOf(node.left, known), numberOf(node.right, known)]
  if (left === undefined || right === undefined) return undefined
  return OPERATIONS[node.operator]?.(left, right)
}

/** Names that a file imports from its neighbours, as there and as here, and from where. */
function* importsOf({ program }: Parsed): Generator<{ name: string; local: string; from: string }> {
  for (const statement of program.body) {
    if (statement.type !== 'ImportDeclaration' || !statement.source.value.startsWith('.')) continue
    const from = statement.source.value.replace(/js$/, 'ts')
    for (const specifier of statement.specifiers) {
      if (specifier.type !== 'ImportSpecifier' || !('name' in specifier.imported)) continue
      yield { name: specifier.imported.name, local: specifier.local.name, from }
    }
  }
}

/** The text of a file with numbers for the uses of constants; no line moves. */
function inlined({ text, program }: Parsed, constants: Constants): string {
  let out = ''
  let end = 0
  const visit = (node: Node): void => {
    if (node.type.startsWith('Import') || node.type === 'ExportSpecifier') return
    const value = node.type === 'Identifier' ? constants.get(node.name) : undefined
    if (value !== undefined) {
      out += `${text.slice(end, node.start)}(${value})`
      end = node.end
      return
    }
    for (const key of visitorKeys[node.type] ?? []) {
      if (isName(node, key)) continue
      for (const child of [node[key as keyof Node] as unknown as Node | Node[] | null].flat())
        if (child !== null) visit(child)
    }
  }
  visit(program)
  return out + text.slice(end)
}

/** Whether a child is only named: declared, or the name of a property. */
function isName(node: Node, key: string): boolean {
  if (key === 'id' || key === 'typeAnnotation') return true
  return (key === 'key' || key === 'property') && 'computed' in node && !node.computed
}
