import { expect, test } from 'vitest'
import { checkWords, commandOf, givenText, kebab, usageMessage } from './usage-messages.js'

const FLAGS = ['config', 'algorithm', 'algorithms', 'seed', 'slo-ttft', 'slo-e2e']

test.each([
  [
    'Unknown argument: confg',
    ['run', '--confg', 'x'],
    'unknown option --confg; did you mean --config?',
  ],
  ['Unknown argument: zzz', ['run', '--zzz=1'], 'unknown option --zzz'],
  [
    'Unknown argument: algo',
    ['run', '--algo', 'x'],
    'unknown option --algo; did you mean --algorithm?',
  ],
  [
    'Unknown argument: slo',
    ['run', '--slo', '5'],
    'unknown option --slo; did you mean --slo-ttft or --slo-e2e?',
  ],
  [
    'Unknown arguments: x, extra',
    ['run', '-x', 'extra'],
    'unknown option -x\nunexpected argument "extra"',
  ],
  [
    'Unknown arguments: per-request, perRequest, extra',
    ['run', '--per-request', 'extra'],
    'unknown option --per-request\nunexpected argument "extra"',
  ],
  ['Missing required arguments: config, output', [], '--config is required\n--output is required'],
  [
    'Missing required arguments: config, output',
    ['run', '--confg=x', '--sloTtft', '5', '--out', 'y'],
    'unknown option --confg; did you mean --config?\nunknown option --out',
  ],
  [
    'Not enough non-option arguments: got 0, need at least 2',
    [],
    '<action> is required\n<logs..> is required',
  ],
  ['Not enough non-option arguments: got 1, need at least 2', [], '<logs..> is required'],
  ['Not enough arguments following: c', [], '-c: expected a value, got none'],
  [
    'Invalid values:\n  Argument: to, Given: "mooncke", Choices: "mooncake", "otel"',
    [],
    '--to: expected one of mooncake, otel, got "mooncke"; did you mean "mooncake"?',
  ],
  ['something else', [], 'something else'],
])('%j of the option parser', (message, args, ours) => {
  expect(usageMessage(message, args, FLAGS, 'routesim results <action> <logs..>')).toBe(ours)
})

test('words that can not be right', () => {
  expect(() => checkWords(['rum'])).toThrow('unknown command "rum"; did you mean "run"?')
  expect(() => checkWords(['run', '-c', ''])).toThrow('-c: expected a value, got an empty one')
  expect(() => checkWords(['run', '--seed='])).toThrow('--seed: expected a value, got an empty one')
  expect(() => checkWords(['run', '--_'])).toThrow('unknown option --_')
  expect(() => checkWords(['--debug', 'run', '-c', 'x', '--seed=3'])).not.toThrow()
})

test('the command and the values as they were typed', () => {
  expect(commandOf(['--debug', 'run'])).toBe('run')
  expect(commandOf(['--help'])).toBeUndefined()
  expect(givenText(['--seed', 'x', '--seed=y'], 'seed')).toBe('y')
  expect(givenText(['--seed', 'x'], 'seed')).toBe('x')
  expect(givenText([], 'seed')).toBe('')
})

test('names of options as they are typed', () => {
  expect(['seed', 'minOsl', 'noPerRequest'].map(kebab)).toEqual([
    'seed',
    'min-osl',
    'no-per-request',
  ])
})
