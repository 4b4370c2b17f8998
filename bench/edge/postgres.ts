// A PostgreSQL cluster that lives as long as the bench, in a folder and on a socket of its own, with its default settings:
// a commit is on disk before it is answered. `null` where PostgreSQL is not installed.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export interface Postgres {
  /** Folder of the socket. */
  host: string
  stop(): void
}

function binaries(): string | null {
  const versions = '/usr/lib/postgresql'
  if (!existsSync(versions)) return null
  const newest = readdirSync(versions).toSorted((a, b) => Number(b) - Number(a))[0]
  return newest === undefined ? null : join(versions, newest, 'bin')
}

export async function startPostgres(folder: string): Promise<Postgres | null> {
  const bin = binaries()
  if (bin === null) return null
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? Number(execFileSync('id', ['-u', 'postgres']).toString()) : undefined
  const as = user === undefined ? {} : { uid: user, gid: user }
  const data = join(folder, 'postgres')
  mkdirSync(data, { recursive: true })
  if (user !== undefined) {
    chmodSync(dirname(folder), 0o711)
    for (const own of [folder, data]) chownSync(own, user, user)
  }
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust'], {
    ...as,
    stdio: 'ignore',
  })
  const args = ['-D', data, '-k', data, '-c', 'listen_addresses=']
  const child = spawn(join(bin, 'postgres'), args, { ...as, stdio: 'ignore' })
  for (let look = 0; look < 200 && !existsSync(join(data, '.s.PGSQL.5432')); look += 1) {
    await pause(50)
  }
  return { host: data, stop: () => void child.kill('SIGINT') }
}
