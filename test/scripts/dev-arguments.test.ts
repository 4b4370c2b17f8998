// The arguments of `npm run dev`: ours are understood in both spellings, wrangler's pass through.
import { describe, expect, it } from 'vitest'
import { devArguments } from '../../scripts/dev-arguments.ts'

describe('the arguments of npm run dev', () => {
  it('may come with or without an equals sign, among wrangler’s own', () => {
    const expected = {
      port: 9000,
      persistTo: '/tmp/state',
      rest: ['--var', 'A:B', '--live-reload'],
    }
    const spaced = ['--port', '9000', '--var', 'A:B', '--persist-to', '/tmp/state', '--live-reload']
    const joined = ['--port=9000', '--var', 'A:B', '--persist-to=/tmp/state', '--live-reload']
    expect(devArguments(spaced, 8787)).toEqual(expected)
    expect(devArguments(joined, 8787)).toEqual(expected)
  })

  it('are the default port and wrangler’s own state when left out', () => {
    expect(devArguments([], 8787)).toEqual({ port: 8787, persistTo: undefined, rest: [] })
  })

  it.each(['', '0', '65536', '80a', '-1'])('are refused when the port is %j', (port) => {
    expect(() => devArguments(['--port', port], 8787)).toThrow('--port')
  })

  it('are refused when the port is missing', () => {
    expect(() => devArguments(['--port'], 8787)).toThrow('--port')
  })
})
