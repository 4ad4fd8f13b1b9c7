import { readFileSync } from 'node:fs'

/** A fenced block of a Markdown page. */
export interface DocBlock {
  /** `page:line` of the opening fence. */
  readonly where: string
  readonly language: string
  /** Words after the language: `file=NAME`, `no-run`, `live`. */
  readonly file: string | undefined
  readonly isSkipped: boolean
  readonly isLive: boolean
  readonly text: string
  /** Line numbers, from 0, of the first line of the text and of the closing fence. */
  readonly from: number
  readonly to: number
}

/** The fenced blocks of a page, in order. */
export function docBlocks(path: string, name: string): DocBlock[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const blocks: DocBlock[] = []
  for (let i = 0; i < lines.length; i++) {
    const opening = /^```(\w*)(.*)$/.exec(lines[i]!)
    if (opening === null) continue
    const words = opening[2]!.trim().split(' ')
    const from = i + 1
    const to = lines.indexOf('```', from)
    if (to < 0) throw new Error(`${name}:${from}: the block is not closed`)
    i = to
    blocks.push({
      where: `${name}:${from}`,
      language: opening[1]!,
      file: words.find((word) => word.startsWith('file='))?.slice('file='.length),
      isSkipped: words.includes('no-run'),
      isLive: words.includes('live'),
      text: lines.slice(from, to).join('\n'),
      from,
      to,
    })
  }
  return blocks
}

/** The block that shows what a block prints: a `text` block with nothing but blank lines between. */
export function outputOf(
  path: string,
  blocks: readonly DocBlock[],
  i: number,
): DocBlock | undefined {
  const next = blocks[i + 1]
  if (next === undefined || next.language !== 'text') return undefined
  const between = readFileSync(path, 'utf8')
    .split('\n')
    .slice(blocks[i]!.to + 1, next.from - 1)
  return between.every((line) => line.trim() === '') ? next : undefined
}
