// Runs one of the scripts as npm does, without a terminal, and collects what it writes.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { exitOf } from '../../scripts/wrangler.ts'

export interface RunningScript {
  child: ChildProcess
  ended: Promise<number>
  /** All that it wrote so far. */
  output(): string
}

export function startScript(
  folder: string,
  name: string,
  args: string[],
  environment: Record<string, string> = {},
): RunningScript {
  const child = spawn(process.execPath, [join(folder, 'scripts', name), ...args], {
    cwd: folder,
    // A home without anybody's Cloudflare login.
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: join(folder, '.config'), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  return { child, ended: exitOf(child), output: () => output }
}
