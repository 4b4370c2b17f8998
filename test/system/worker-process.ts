// The Worker as processes of this machine, with a folder for its state, that can be killed as a machine dies: all at once,
// without a word. Started with settings of its own, so that no file of this checkout plays a part.
import type { ChildProcess } from 'node:child_process'
import { freePort } from '../free-port.ts'
import { exitOf, runWrangler, startWrangler } from '../../scripts/wrangler.ts'

export interface WorkerProcess {
  url: string
  /** Ends wrangler and workerd with SIGKILL and waits until they are gone. */
  kill(): Promise<void>
}

export interface WorkerOptions {
  /** Folder of the state, which outlives the process. */
  stateFolder: string
  /** A file without settings, in place of whatever the checkout has. */
  noVarsFile: string
  /** Arguments of a process, which everyone on the machine can read: made-up secrets only. */
  vars: Record<string, string>
}

/** Makes the catalogue in the folder. */
export async function migrate(stateFolder: string): Promise<void> {
  const { code, output } = await runWrangler(
    ['d1', 'migrations', 'apply', 'DB', '--local', '--persist-to', stateFolder],
    { environment: { CI: 'true' } },
  )
  if (code !== 0) throw new Error(output)
}

/** Starts the Worker and waits until it answers. */
export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  const port = await freePort()
  const settings = Object.entries(options.vars).flatMap(([name, value]) => [
    '--var',
    `${name}:${value}`,
  ])
  const place = ['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0']
  const files = ['--persist-to', options.stateFolder, '--env-file', options.noVarsFile]
  const child = startWrangler(
    ['dev', ...place, ...files, '--show-interactive-dev-session=false', ...settings],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = exitOf(child)
  const url = `http://127.0.0.1:${port}`
  const hasEnded = ended.then((code) => `ended with ${code}`)
  const reason = await Promise.race([untilAlive(url), hasEnded])
  if (reason !== null) {
    killGroup(child)
    throw new Error(`The Worker ${reason}.\n${output}`)
  }
  return {
    url,
    kill: async () => {
      killGroup(child)
      await ended
    },
  }
}

async function untilAlive(url: string): Promise<string | null> {
  const deadlineMs = Date.now() + 60_000
  while (Date.now() < deadlineMs) {
    const answer = await fetch(`${url}/healthz`).catch(() => null)
    await answer?.arrayBuffer()
    if (answer?.ok === true) return null
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return 'does not answer'
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
