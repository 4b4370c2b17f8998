// Runs wrangler by node itself. Through `npx` or a shell a signal would end the wrapper only and leave wrangler and
// workerd running with the port. Its telemetry, banner and network look-ups are off. It must never be given a secret as
// an argument: arguments are seen by everyone on the machine.
import { spawn } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { constants } from 'node:os'
import { readFile } from 'node:fs/promises'
import { delimiter, dirname, resolve } from 'node:path'

export const projectFolder = resolve(import.meta.dirname, '..')

const wrangler = resolve(projectFolder, 'node_modules/wrangler/bin/wrangler.js')
/** The build that wrangler runs (wrangler.toml) must find this very node. */
const searchPath = [dirname(process.execPath), process.env['PATH']].join(delimiter)
const quiet = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  X_LOCAL_OBSERVABILITY: 'false',
}

export async function readProjectFile(name: string): Promise<string> {
  return readFile(resolve(projectFolder, name), 'utf8')
}

export interface Run {
  /** Exit code; 128 and the signal's number after a signal. */
  code: number
  stdout: string
  /** All that it wrote, in the order in which it came. */
  output: string
}

export interface RunOptions {
  environment?: Record<string, string>
  /** Shows what it writes while it runs, and lets it ask. */
  isShown?: boolean
  /** Ends it. */
  signal?: AbortSignal | undefined
}

/** Starts wrangler and does not wait. */
export function startWrangler(
  args: string[],
  options: { environment?: Record<string, string>; stdio: StdioOptions; detached?: boolean },
): ChildProcess {
  return spawn(process.execPath, [wrangler, ...args], {
    cwd: projectFolder,
    env: { ...process.env, PATH: searchPath, ...quiet, ...options.environment },
    stdio: options.stdio,
    detached: options.detached ?? false,
  })
}

/** Runs wrangler to its end. Unless it is shown it has no terminal, and takes the default of whatever it would ask. */
export async function runWrangler(args: string[], options: RunOptions = {}): Promise<Run> {
  const { isShown = false, environment = {} } = options
  const child = startWrangler(args, {
    environment,
    stdio: isShown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    output += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const end = (): void => void child.kill('SIGTERM')
  options.signal?.addEventListener('abort', end, { once: true })
  try {
    return { code: await exitOf(child), stdout, output }
  } finally {
    options.signal?.removeEventListener('abort', end)
  }
}

/** Waits for the end of a process and of its output. */
export async function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolveExit, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolveExit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    )
  })
}
