import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type ESTree, parseSync, visitorKeys } from 'oxc-parser'
import type { Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]
type Constants = ReadonlyMap<string, number>

/** A file as it was read and understood. */
interface Parsed {
  readonly path: string
  readonly text: string
  readonly program: ESTree.Program
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
      const found = exported.get(path) ?? parse(path).then(constantsIn)
      exported.set(path, found)
      return found
    }
    build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const file = await parse(path)
      const constants = new Map(constantsIn(file))
      for (const [name, from] of importsOf(file)) {
        const value = (await exportedBy(resolve(dirname(path), from))).get(name)
        if (value !== undefined) constants.set(name, value)
      }
      return { contents: inlined(file, constants), loader: 'ts' }
    })
  },
}

async function parse(path: string): Promise<Parsed> {
  const text = await readFile(path, 'utf8')
  return { path, text, program: parseSync(path, text).program }
}

/** Constants at the top of a file that are numbers, by name. */
function constantsIn({ program }: Parsed): Constants {
  const constants = new Map<string, number>()
  for (const statement of program.body) {
    const declaration =
      statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (declaration?.type !== 'VariableDeclaration' || declaration.kind !== 'const') continue
    for (const { id, init } of declaration.declarations) {
      if (id.type !== 'Identifier' || !/^[A-Z][A-Z0-9_]*$/.test(id.name)) continue
      const value = init === null ? undefined : valueOf(init)
      if (value !== undefined) constants.set(id.name, value)
    }
  }
  return constants
}

/** What an expression of numbers comes to, undefined for any other. */
function valueOf(node: ESTree.Expression): number | undefined {
  if (node.type === 'Literal') return typeof node.value === 'number' ? node.value : undefined
  if (node.type === 'UnaryExpression' && node.operator === '-') {
    const value = valueOf(node.argument)
    return value === undefined ? undefined : -value
  }
  if (node.type !== 'BinaryExpression' || node.left.type === 'PrivateIdentifier') return undefined
  const [left, right] = [valueOf(node.left), valueOf(node.right)]
  if (left === undefined || right === undefined) return undefined
  if (node.operator === '**') return left ** right
  if (node.operator === '*') return left * right
  if (node.operator === '+') return left + right
  return node.operator === '-' ? left - right : undefined
}

/** Names that a file imports from its neighbours under their own names, and from where. */
function* importsOf({ program }: Parsed): Generator<[name: string, from: string]> {
  for (const statement of program.body) {
    if (statement.type !== 'ImportDeclaration' || !statement.source.value.startsWith('.')) continue
    const from = statement.source.value.replace(/js$/, 'ts')
    for (const specifier of statement.specifiers) {
      if (specifier.type === 'ImportSpecifier' && specifier.start === specifier.local.start)
        yield [specifier.local.name, from]
    }
  }
}

/** The text of a file with numbers for the uses of constants; no line moves. */
function inlined({ path, text, program }: Parsed, constants: Constants): string {
  let out = ''
  let end = 0
  const visit = (node: ESTree.Node): void => {
    if (node.type.startsWith('Import') || node.type === 'ExportSpecifier') return
    const value = node.type === 'Identifier' ? constants.get((node as { name: string }).name) : undefined
    if (value !== undefined) {
      out += `${text.slice(end, node.start)}(${value})`
      end = node.end
      return
    }
    for (const key of visitorKeys[node.type] ?? []) {
      if (isName(node, key)) continue
      const child = node[key as keyof ESTree.Node] as unknown as ESTree.Node | ESTree.Node[] | null
      for (const one of Array.isArray(child) ? child : [child]) if (one !== null) visit(one)
    }
  }
  visit(program)
  if (parseSync(path, out + text.slice(end)).errors.length > 0) throw new Error(`${path}: not inlined`)
  return out + text.slice(end)
}

/** Whether a child is only named: declared, or the name of a property. */
function isName(node: ESTree.Node, key: string): boolean {
  if (key === 'id' || key === 'typeAnnotation') return true
  return (key === 'key' || key === 'property') && 'computed' in node && !node.computed
}
