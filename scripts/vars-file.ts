// `.dev.vars` and `.production.vars`: files of NAME=value lines, made from `.dev.vars.example` so that each line keeps
// its explanation. A file that exists is never written to: it is the user's, and holds secrets that exist nowhere else.
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { projectFolder, readProjectFile } from './wrangler.ts'

export type Vars = Record<string, string>

/** What a file of NAME=value lines says. */
export function parseVars(text: string): Vars {
  const vars: Vars = {}
  for (const [name, value] of Object.entries(parseEnv(text))) vars[name] = value ?? ''
  return vars
}

/** The template with these values: each on the line of its name, also where that line is commented out. */
export function fillIn(template: string, values: Vars): string {
  const left = new Map(Object.entries(values))
  const lines = template.split('\n').map((line) => {
    const name = /^#?([A-Z][A-Z0-9_]*)=/.exec(line)?.[1]
    const value = name === undefined ? undefined : left.get(name)
    if (name === undefined || value === undefined) return line
    left.delete(name)
    return `${name}=${value}`
  })
  if (left.size > 0) throw new Error(`The template has no line for ${[...left.keys()].join(', ')}.`)
  return lines.join('\n')
}

/** Every name that the template explains, whether its line is commented out or not. */
export function namesIn(template: string): string[] {
  return [...template.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1] ?? '')
}

/** A text that nobody guesses. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What the file says; `null` when there is none. */
export async function readVarsFile(name: string): Promise<Vars | null> {
  try {
    return parseVars(await readProjectFile(name))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** Writes a new file that only its owner can read. */
export async function writeVarsFile(name: string, values: Vars): Promise<void> {
  const text = fillIn(await readTemplate(), values)
  await writeFile(resolve(projectFolder, name), text, { flag: 'wx', mode: 0o600 })
}

export async function readTemplate(): Promise<string> {
  return readProjectFile('.dev.vars.example')
}
