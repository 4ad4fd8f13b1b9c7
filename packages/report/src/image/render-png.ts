import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { RouteSimError } from '@routesim/core'
import type { ReportErrorCode } from '../report-error-code.js'
import { importOptional } from './import-optional.js'

/** What this package needs of the optional converter. */
interface Converter {
  readonly Resvg: new (svg: string, options: unknown) => { render(): { asPng(): Uint8Array } }
}

/**
 * Turns an SVG picture into PNG with `@resvg/resvg-js`, which has to be installed beside this
 * package, or in the working directory. The font comes along, so the text is the same everywhere.
 *
 * @param scale - pixels per unit of the SVG
 * @throws RouteSimError `png_unavailable` when the converter is not installed
 */
export async function renderPng(svg: string, scale: number = 2): Promise<Uint8Array> {
  const { Resvg } = await converter()
  const options = {
    fitTo: { mode: 'zoom', value: scale },
    // Without a font of its own the converter leaves out all text where none is installed.
    font: { fontFiles: [fontFile()], loadSystemFonts: false, defaultFontFamily: 'DejaVu Sans' },
  }
  return new Resvg(svg, options).render().asPng()
}

async function converter(): Promise<Converter> {
  const name = '@resvg/resvg-js'
  try {
    const loaded: unknown = await importOptional(() => import('@resvg/resvg-js'), name)
    return (loaded as { readonly default?: Converter }).default ?? (loaded as Converter)
  } catch (cause) {
    throw new RouteSimError<ReportErrorCode>(`PNG pictures need ${name}, which is not installed`, {
      code: 'png_unavailable',
      hint: `Install it with npm install ${name}, or write an .svg file, which needs nothing.`,
      cause,
    })
  }
}

/** Beside the bundle; in a checkout, in the package that the build copies it from. */
function fontFile(): string {
  const built = fileURLToPath(new URL('./fonts/DejaVuSans.ttf', import.meta.url))
  if (existsSync(built)) return built
  return createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf')
}
