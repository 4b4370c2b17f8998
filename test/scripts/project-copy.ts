// A clean clone for tests that run the scripts as a person does: the project's own files without anybody's settings or
// state, in a folder that is removed afterwards, with the installed packages of this one.
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const project = resolve(import.meta.dirname, '../..')
const files = [
  '.dev.vars.example',
  'demo',
  'migrations',
  'package.json',
  'scripts',
  'src',
  'test/egress-events.ts',
  'test/outside',
  'tsconfig.json',
  'wrangler.toml',
]

export interface ProjectCopy {
  folder: string
  remove(): Promise<void>
}

export async function copyProject(): Promise<ProjectCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'roomtape-test-'))
  for (const file of files) {
    await cp(join(project, file), join(folder, file), { recursive: true })
  }
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'))
  return { folder, remove: async () => rm(folder, { recursive: true, force: true }) }
}
