// The README's table of faults tells the truth: each file that it names is there and has a test of each row that it names.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

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

  it('names commands that there are', () => {
    const commands = [...readme.matchAll(/npm run ([a-z]+)/g)].map(([, name = '']) => name)
    expect(commands.length).toBeGreaterThan(5)
    for (const command of commands) expect(scripts).toHaveProperty(command)
  })
})
