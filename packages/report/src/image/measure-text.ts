/** Advance widths of DejaVu Sans in thousandths of its size, by character. */
const WIDTHS = new Map<string, number>()
for (const [width, characters] of [
  [278, 'ijl'],
  [318, ' .,'],
  [337, ':;'],
  [352, 'f'],
  [370, '-/()|'],
  [411, 'r'],
  [500, '_st*"'],
  [525, 'cz'],
  [592, 'kvxy'],
  [634, 'abdeghnopqu0123456789$'],
  [690, 'ABCDEFGHJKLNPRSTUVXYZ'],
  [838, 'w=+<>×±–'],
  [950, 'MWOQm%@…'],
] as const) {
  for (const character of characters) WIDTHS.set(character, width)
}
const OTHER = 680

/**
 * Width of a text in the font of pictures, where there is no browser to measure it; within some percent.
 * @param font - a CSS font, such as `12px sans-serif`
 */
export function measureText(text: string, font?: string): { width: number } {
  const size = Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? 12)
  let width = 0
  for (const character of text) width += WIDTHS.get(character) ?? OTHER
  return { width: (width * size) / 1000 }
}
