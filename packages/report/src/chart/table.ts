/** Text in rows and columns, for those who can not or would rather not look at a picture. */
export interface Table {
  readonly columns: readonly TableColumn[]
  readonly rows: readonly (readonly string[])[]
}

/** A column of a {@link Table}. */
export interface TableColumn {
  readonly title: string
  readonly align: 'left' | 'right'
}

/** A table whose first columns are text and whose others are numbers. */
export function tableOf(
  texts: readonly string[],
  numbers: readonly string[],
  rows: readonly (readonly string[])[],
): Table {
  return {
    columns: [
      ...texts.map((title) => ({ title, align: 'left' }) as const),
      ...numbers.map((title) => ({ title, align: 'right' }) as const),
    ],
    rows,
  }
}
