import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../../errors.js'
import { type CsvRow, parseCsv } from './csv-rows.js'

/** A folder of published measurements: a folder per set, its data in `calibration/`. */
export class DataFolder {
  readonly path: string

  /** @throws RouteSimError `data_unreadable` when there is no such folder */
  constructor(path: string) {
    this.path = path
    if (existsSync(path)) return
    throw new RouteSimError<ExperimentsErrorCode>(`--data: ${path}: no such folder`, {
      code: 'data_unreadable',
      path,
      hint: 'Give a folder with a subfolder per set of published measurements.',
    })
  }

  /** Whether the folder has a set. */
  has(set: string): boolean {
    return existsSync(join(this.path, set))
  }

  /** Whether a set has a file; a `.gz` beside counts. */
  hasFile(set: string, file: string): boolean {
    return this.located(set, file) !== undefined
  }

  /** Names of the files of a set in a folder below its data, sorted; none when there is no such folder. */
  filesOf(set: string, folder: string): string[] {
    const path = join(this.path, set, DATA, folder)
    return existsSync(path) ? readdirSync(path).sort() : []
  }

  /** @throws RouteSimError `data_unreadable` */
  text(set: string, file: string): string {
    const path = this.located(set, file) ?? join(this.path, set, DATA, file)
    try {
      const bytes = readFileSync(path)
      return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
    } catch (cause) {
      throw unreadable(path, cause)
    }
  }

  /** @throws RouteSimError `data_unreadable` */
  json(set: string, file: string): unknown {
    try {
      return JSON.parse(this.text(set, file))
    } catch (cause) {
      throw unreadable(join(this.path, set, DATA, file), cause)
    }
  }

  /** Rows of a CSV file by column; none when there is no such file. */
  rows(set: string, file: string): CsvRow[] {
    return this.hasFile(set, file) ? parseCsv(this.text(set, file)) : []
  }

  private located(set: string, file: string): string | undefined {
    const path = join(this.path, set, DATA, file)
    return [path, `${path}.gz`].find((each) => existsSync(each))
  }
}

const DATA = 'calibration'

function unreadable(path: string, cause: unknown): RouteSimError {
  return new RouteSimError<ExperimentsErrorCode>(`${path}: ${(cause as Error).message}`, {
    code: 'data_unreadable',
    path,
    hint: 'Give a folder laid out as docs/explanation/accuracy.md says.',
    cause,
  })
}
