// The Worker on this machine: settings made if there are none, the catalogue migrated, `wrangler dev` started and waited
// for. What wrangler says before the Worker answers is shown only when it never does. A server that was started here must
// never outlive whoever started it: it gets a process group of its own, which is ended as a whole.
import type { ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { exitOf, runWrangler, startWrangler } from './wrangler.ts'
import { randomSecret, readVarsFile, writeVarsFile } from './vars-file.ts'
import type { Vars } from './vars-file.ts'

export const defaultPort = 8787
const readyWithinMs = 90_000
const endWithinMs = 10_000
const keptOutputCharacters = 20_000
const localEndpointPath = '/cdn-cgi/local/r2/s3'

export interface DevServerOptions {
  port: number
  /** Folder of the local state; wrangler's own `.wrangler/state` when left out. */
  persistTo?: string | undefined
  /** Replaces settings, whatever the files say. Never for secrets. */
  settings?: Vars
  /** More arguments for `wrangler dev`. */
  wranglerArguments?: string[]
  /** Told of what wrangler writes once the Worker answers: its log. */
  onOutput?: (text: string) => void
  /** Ends the server, whether it is ready or not. */
  signal: AbortSignal
}

export interface DevServer {
  url: string
  /** The exit code, once it has ended. */
  ended: Promise<number>
  /** The last that it wrote. */
  lastOutput(): string
  /** Ends it, with everything that it started, and waits for that. */
  stop(): Promise<number>
}

/** A server that could not start, in words for whoever wanted it. */
export class StartError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StartError'
  }
}

/** The local settings; written first when there are none. */
export async function ensureDevVars(): Promise<{ vars: Vars; isNew: boolean }> {
  const known = await readVarsFile('.dev.vars')
  if (known !== null) return { vars: known, isNew: false }
  const vars = {
    ADMIN_TOKEN: randomSecret(),
    PLAYBACK_SECRET: randomSecret(),
    // As `livekit-server --dev` has them.
    LIVEKIT_API_KEY: 'devkey',
    LIVEKIT_API_SECRET: 'secret',
    // As wrangler.toml has them for the local bucket.
    S3_ACCESS_KEY_ID: 'roomtape-local',
    S3_SECRET_ACCESS_KEY: 'roomtape-local-secret',
  }
  await writeVarsFile('.dev.vars', vars)
  return { vars, isNew: true }
}

/** The settings that another port than the default one changes: the local bucket is served beside the Worker. */
export function movedSettings(port: number, devVars: Vars): Vars {
  const isMoved = port !== defaultPort && devVars['S3_ENDPOINT'] === undefined
  return isMoved ? { S3_ENDPOINT: `http://127.0.0.1:${port}${localEndpointPath}` } : {}
}

/** Starts the Worker and waits until it answers. */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { port } = options
  if (!(await isFree(port))) {
    const who = (await isRoomtape(port)) ? 'Roomtape already' : 'something else'
    throw new StartError(`On port ${port} runs ${who}. Take another one with --port ${port + 1}.`)
  }
  const { vars } = await ensureDevVars()
  const persistence = options.persistTo === undefined ? [] : ['--persist-to', options.persistTo]
  await migrate(persistence, options.signal)
  const address = ['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0']
  const child = startWrangler(
    [
      'dev',
      ...address,
      '--show-interactive-dev-session=false',
      ...persistence,
      ...settingArguments({ ...movedSettings(port, vars), ...options.settings }),
      ...(options.wranglerArguments ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  const server = watch(child, port, options.onOutput ?? (() => undefined))
  options.signal.addEventListener('abort', () => void server.stop(), { once: true })
  if (options.signal.aborted) void server.stop()
  await server.ready
  return server
}

function settingArguments(settings: Vars): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['--var', `${name}:${value}`])
}

/** True when nothing listens there. */
export async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

/** True when a Worker of ours answers there. */
export async function isRoomtape(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, {
      signal: AbortSignal.timeout(5_000),
    })
    const body: unknown = await answer.json()
    return typeof body === 'object' && body !== null && 'status' in body && body.status === 'alive'
  } catch {
    // Nobody there, or somebody who speaks another language.
    return false
  }
}

async function migrate(persistence: string[], signal: AbortSignal): Promise<void> {
  const run = await runWrangler(
    ['d1', 'migrations', 'apply', 'DB', '--local', ...persistence],
    // Without a terminal wrangler takes "yes".
    { environment: { CI: 'true' }, signal },
  )
  signal.throwIfAborted()
  if (run.code !== 0) throw new StartError(`The local catalogue was not migrated.\n${run.output}`)
}

function watch(child: ChildProcess, port: number, onOutput: (text: string) => void) {
  let lastOutput = ''
  let isReady = false
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      lastOutput = (lastOutput + text).slice(-keptOutputCharacters)
      if (isReady) onOutput(text)
    })
  }
  const ended = exitOf(child)
  let stopping: Promise<number> | null = null
  const stop = async (): Promise<number> => (stopping ??= end(child, ended))
  const ready = (async () => {
    const becameReady = await Promise.race([answers(port), ended.then((code) => code)])
    if (becameReady === true) {
      isReady = true
      return
    }
    await stop()
    const how = becameReady === false ? 'did not answer in time' : `ended with ${becameReady}`
    throw new StartError(`The Worker ${how}.\n${lastOutput}`)
  })()
  return { url: `http://localhost:${port}`, ended, lastOutput: () => lastOutput, stop, ready }
}

async function answers(port: number): Promise<boolean> {
  const deadlineMs = Date.now() + readyWithinMs
  while (Date.now() < deadlineMs) {
    if (await isRoomtape(port)) return true
    await pause(100)
  }
  return false
}

async function end(child: ChildProcess, ended: Promise<number>): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
  const timer = setTimeout(() => endGroup(child), endWithinMs)
  const code = await ended
  clearTimeout(timer)
  endGroup(child)
  return code
}

/** Whatever of it is left. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Nothing is left.
  }
}
