// `npm run check`: the generated types, the types, the lint, the format, and the bundle that would be deployed. Every check
// runs, whatever became of the ones before, so that one look shows everything that is wrong. None of them may depend on
// what lies in somebody's `.dev.vars`.
import { spawn } from 'node:child_process'
import { readFile, readdir, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { exitOf, projectFolder, readProjectFile, runWrangler } from './wrangler.ts'

const mostZippedBytes = 250 * 1024

interface Outcome {
  isGood: boolean
  /** Shown when it is bad. */
  output: string
  /** Shown in any case. */
  note?: string
}

const checks: Record<string, () => Promise<Outcome>> = {
  'generated types': checkGeneratedTypes,
  types: async () => tool('typescript/bin/tsc', []),
  'browser types': async () => tool('typescript/bin/tsc', ['-p', 'src/browser']),
  'client types': checkClientTypes,
  lint: async () => tool('oxlint/bin/oxlint', []),
  format: async () => tool('oxfmt/bin/oxfmt', ['--check']),
  bundle: checkBundle,
}

/** With the flags of `npm run types`, so that the two cannot differ. */
async function checkGeneratedTypes(): Promise<Outcome> {
  const { scripts } = JSON.parse(await readProjectFile('package.json')) as {
    scripts: { types: string }
  }
  const [wrangler, ...args] = scripts.types.split(/\s+/)
  if (wrangler !== 'wrangler') throw new Error('npm run types is not a call of wrangler.')
  const { code, output } = await runWrangler([...args, '--check'])
  return { isGood: code === 0, output: `${output}\nMade anew by: npm run types` }
}

/** wrangler warns of settings that it does not know and goes on; a misspelt one would be deployed without effect. */
async function checkBundle(): Promise<Outcome> {
  const folder = resolve(projectFolder, 'dist')
  await rm(folder, { recursive: true, force: true })
  const { code, output } = await runWrangler(['deploy', '--dry-run', '--outdir', folder], {
    environment: { CI: 'true' },
  })
  if (code !== 0 || /Unexpected fields/i.test(output)) return { isGood: false, output }
  const names = (await readdir(folder)).filter((name) => !/\.map$|^README/.test(name))
  const files = await Promise.all(names.map(async (name) => readFile(resolve(folder, name))))
  const zippedBytes = sum(files.map((file) => gzipSync(file).length))
  const rawBytes = sum(files.map((file) => file.length))
  const note = `${kib(zippedBytes)} gzip of at most ${kib(mostZippedBytes)}, ${kib(rawBytes)} raw`
  return { isGood: zippedBytes <= mostZippedBytes, output: 'The bundle is too large.', note }
}

async function checkClientTypes(): Promise<Outcome> {
  return run(resolve(projectFolder, 'scripts/client-types.ts'), ['--check'])
}

async function tool(path: string, args: string[]): Promise<Outcome> {
  return run(resolve(projectFolder, 'node_modules', path), args)
}

async function run(script: string, args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: projectFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  return { isGood: (await exitOf(child)) === 0, output }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`
}

let failed = 0
for (const [name, check] of Object.entries(checks)) {
  const startedMs = Date.now()
  const { isGood, output, note } = await check()
  if (!isGood) {
    failed += 1
    console.log(output.trimEnd())
  }
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
  const word = isGood ? 'ok' : 'FAILED'
  console.log(`${name.padEnd(15)}  ${word}  ${seconds} s${note === undefined ? '' : `  ${note}`}`)
}
process.exitCode = failed === 0 ? 0 : 1
