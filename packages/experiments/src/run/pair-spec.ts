import { isCodeFile } from '../code-files/code-file.js'

/** Two algorithms as they are written. */
export interface PairSpec {
  readonly prefill: string
  readonly decode: string
  readonly label?: never
}

/**
 * The two algorithms of `prefill+decode`; undefined for one that is alone. What is in brackets stays together, as
 * do numbers (`1e+3`) and the paths of files.
 */
export function pairSpec(spec: string): PairSpec | undefined {
  let depth = 0
  for (let i = 0; i < spec.length; i++) {
    if (spec[i] === '(') depth++
    if (spec[i] === ')') depth--
    if (spec[i] !== '+' || depth > 0) continue
    const prefill = spec.slice(0, i).trim()
    const decode = spec.slice(i + 1).trim()
    if (isWhole(prefill) && /^[A-Za-z./\\]/.test(decode)) return { prefill, decode }
  }
  return undefined
}

/** Whether the part before a plus is a name, or a path that ends as one of a file does. */
function isWhole(spec: string): boolean {
  const [name = ''] = spec.split(/:(?![\\/])/)
  return spec !== '' && (!/[\\/.]/.test(name) || isCodeFile(name))
}
