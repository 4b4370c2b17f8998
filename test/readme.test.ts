// The README's tables tell the truth: each file of tests that it names is there and has a test of each row that it names,
// each row that has a test is named, and so is each setting.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readWranglerConfig } from '../scripts/wrangler-config.ts'

const root = `${import.meta.dirname}/..`
const readme = readFileSync(`${root}/README.md`, 'utf8')
const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as {
  scripts: Record<string, string>
}

/** Each file that the table names, with the rows behind it, as far as it names any: `W10–W12` are three. */
const named = [
  ...readme.matchAll(/`(test\/[\w/-]+\.test\.ts)`((?:,? [WSDCPAR]\d+(?:–[WSDCPAR]\d+)?)*)/g),
].map(([, file = '', rows = '']) => ({ file, rows: rowsIn(rows) }))

function rowsIn(text: string): string[] {
  return [...text.matchAll(/([WSDCPAR])(\d+)(?:–[WSDCPAR](\d+))?/g)].flatMap(
    ([, letter, from, to]) => {
      const last = Number(to ?? from)
      return Array.from(
        { length: last - Number(from) + 1 },
        (_, step) => `${letter}${Number(from) + step}`,
      )
    },
  )
}

describe('the README', () => {
  it('names tests that are there, for the rows that it says', () => {
    expect(named.length).toBeGreaterThan(20)
    for (const { file, rows } of named) {
      expect(existsSync(`${root}/${file}`), file).toBe(true)
      const source = readFileSync(`${root}/${file}`, 'utf8')
      for (const row of rows)
        expect(source, `${row} in ${file}`).toMatch(new RegExp(`\\b${row}\\b`))
    }
  })

  it('names every row that a test is named by', () => {
    const told = new Set(named.flatMap(({ rows }) => rows))
    const tests = globSync('test/**/*.test.ts', { cwd: root }).map((file) =>
      readFileSync(`${root}/${file}`, 'utf8'),
    )
    const tested = tests.flatMap((source) =>
      [...source.matchAll(/(?:it|describe)(?:\.each\(.*\))?\('([WSDCPAR]\d+): /g)].map(
        ([, row = '']) => row,
      ),
    )
    expect(tested.length).toBeGreaterThan(60)
    expect(tested.filter((row) => !told.has(row))).toEqual([])
  })

  it('names every setting', () => {
    const { vars, secrets } = readWranglerConfig()
    const settings = [...Object.keys(vars), ...secrets.required]
    expect(settings.length).toBeGreaterThan(20)
    for (const setting of settings)
      expect(readme, setting).toMatch(new RegExp(`\\| .*\`${setting}\`.* \\|`))
  })

  it('names commands that there are', () => {
    const commands = [...readme.matchAll(/npm run ([a-z]+)/g)].map(([, name = '']) => name)
    expect(commands.length).toBeGreaterThan(5)
    for (const command of commands) expect(scripts).toHaveProperty(command)
  })
})
