export const newCommand = { command: 'new', describe: 'x', handler: (): void => {} }
