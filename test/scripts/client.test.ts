// The package as an app gets it: packed, unpacked beside hono, and compiled with an ordinary configuration. Nothing of the
// Worker's own types may be needed, and a wrong call must not compile.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientTypes, isSameApi } from '../../scripts/client-types.ts'
import { projectFolder } from '../../scripts/wrangler.ts'

const run = promisify(execFile)
const modules = resolve(projectFolder, 'node_modules')
const compiler = join(modules, 'typescript/bin/tsc')
let app: string

beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'roomtape-app-'))
  await cp(resolve(projectFolder, 'test/consumer'), app, { recursive: true })
  await writeFile(join(app, 'package.json'), '{"type":"module"}')
  const own = join(app, 'node_modules/roomtape')
  await mkdir(own, { recursive: true })
  await symlink(join(modules, 'hono'), join(app, 'node_modules/hono'))
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', app]
  const { stdout } = await run('npm', pack, { cwd: projectFolder })
  const [packed] = JSON.parse(stdout) as [{ filename: string }]
  await run('tar', ['-xzf', join(app, packed.filename), '--strip-components=1', '-C', own])
})

afterAll(async () => {
  await rm(app, { recursive: true })
})

async function compile(folder: string): Promise<string> {
  return run(process.execPath, [compiler, '-p', folder]).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  )
}

describe('the typed client', () => {
  it('is what the routes are', async () => {
    const kept = await readFile(resolve(projectFolder, 'client.d.ts'), 'utf8')
    const made = await clientTypes()
    expect(isSameApi(kept, made), 'made anew by: npm run client').toBe(true)
    const withoutOne = made.replace('/v1/keys', '/v1/locks')
    expect(isSameApi(kept, withoutOne), 'a route of another name').toBe(false)
  })

  it('compiles in an app that has installed the package, and refuses wrong calls', async () => {
    expect(await compile(app)).toBe('')
  })

  it('would say so if it were not typed at all', async () => {
    await writeFile(join(app, 'node_modules/roomtape/client.d.ts'), 'export type RoomtapeApi = any')
    expect(await compile(app)).toContain('wrong.ts')
  })
})
