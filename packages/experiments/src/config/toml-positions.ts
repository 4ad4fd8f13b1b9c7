import { parseTOML } from 'toml-eslint-parser'

type Ast = ReturnType<typeof parseTOML>
type TopLevel = Ast['body'][0]['body'][number]
type KeyValue = Extract<TopLevel, { type: 'TOMLKeyValue' }>

/** A place in a file, counted from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/**
 * Where a config path is written in a TOML text: the key, or the deepest table on the way to it.
 * The TOML parser proper keeps no positions, so the text is parsed once more, only for an error.
 */
export function tomlPosition(source: string, path: readonly PropertyKey[]): Position | undefined {
  const wanted = path.map(String)
  let best: Position | undefined
  let bestDepth = 0
  const offer = (keys: readonly string[], at: { line: number; column: number }): void => {
    if (keys.length <= bestDepth || !keys.every((key, i) => key === wanted[i])) return
    bestDepth = keys.length
    best = { line: at.line, column: at.column + 1 }
  }
  const visit = (node: KeyValue, above: readonly string[]): void => {
    const keys = [...above, ...node.key.keys.map(keyName)]
    offer(keys, node.key.loc.start)
    if (node.value.type === 'TOMLInlineTable')
      for (const inner of node.value.body) visit(inner, keys)
  }
  for (const node of topLevel(source)) {
    if (node.type === 'TOMLKeyValue') {
      visit(node, [])
      continue
    }
    const keys = node.resolvedKey.map(String)
    offer(keys, node.key.loc.start)
    for (const inner of node.body) visit(inner, keys)
  }
  return best
}

/** The two parsers disagree on a few texts; a message without its line is better than none. */
function topLevel(source: string): readonly TopLevel[] {
  try {
    return parseTOML(source).body[0].body
  } catch {
    return []
  }
}

function keyName(key: KeyValue['key']['keys'][number]): string {
  return key.type === 'TOMLBare' ? key.name : key.value
}
