// Servers on raw workerd, each a process of its own on one port, with Durable Objects on disk: what the platform runs, without
// the development proxy, which costs more than what is measured (5 to 8 ms a request).
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/free-port.ts'

/** The binary itself: a shim in front of it would be what is measured and killed. */
const { default: binary } = createRequire(import.meta.url)('workerd') as { default: string }
const compatibilityDate = '2026-10-01'

export interface Server {
  name: string
  port: number
  child: ChildProcess
}

export interface WorkerdOptions {
  name: string
  folder: string
  /** Source of the Worker's only module. */
  script: string
  texts?: Record<string, string>
  /** Binding → class of Durable Object. */
  objects?: Record<string, string>
  /** Source of a Worker that answers as D1 does, and its object's class; the binding is called DB. */
  database?: { script: string; className: string; port: number }
}

export async function startWorkerd(options: WorkerdOptions): Promise<Server> {
  const { name, database } = options
  const folder = join(options.folder, name)
  await mkdir(join(folder, 'objects'), { recursive: true })
  await writeFile(join(folder, 'index.js'), options.script)
  if (database !== undefined) await writeFile(join(folder, 'database.js'), database.script)
  const port = await freePort()
  await writeFile(join(folder, 'config.capnp'), configOf(options, port, join(folder, 'objects')))
  const child = spawn(binary, ['serve', '--experimental', join(folder, 'config.capnp')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return untilListening({ name, port, child })
}

/** Waits until the server takes connections. */
export async function untilListening(server: Server): Promise<Server> {
  let told = ''
  server.child.stderr?.setEncoding('utf8').on('data', (text: string) => (told += text))
  for (let look = 0; look < 200; look += 1) {
    if (server.child.exitCode !== null) throw new Error(`${server.name} ended: ${told}`)
    const isUp = await fetch(`http://127.0.0.1:${server.port}/up`).then(
      async (answer) => answer.arrayBuffer(),
      () => null,
    )
    if (isUp !== null) return server
    await pause(50)
  }
  throw new Error(`${server.name} does not listen: ${told}`)
}

/** CPU time of a process so far, in microseconds; `null` where the system does not tell. */
export async function cpuMicroseconds({ child }: Server): Promise<number | null> {
  const line = await readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => null)
  if (line === null) return null
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  // Hundredths of a second, as Linux counts for every process.
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function configOf(
  { texts = {}, objects = {}, database }: WorkerdOptions,
  port: number,
  disk: string,
) {
  const bindings = [
    ...Object.entries(texts).map(([name, text]) => `(name = "${name}", text = ${quoted(text)})`),
    ...Object.entries(objects).map(
      ([name, className]) => `(name = "${name}", durableObjectNamespace = "${className}")`,
    ),
    ...(database === undefined
      ? []
      : [
          '(name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "database")]))',
        ]),
  ]
  const databaseConfig = database === undefined ? '' : databaseWorker(database.className)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "disk", disk = (path = ${quoted(disk)}, writable = true)),
    ${database === undefined ? '' : '(name = "database", worker = .database),'}
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:${port}", http = (), service = "main"),
    ${database === undefined ? '' : `(name = "database", address = "127.0.0.1:${database.port}", http = (), service = "database"),`}
  ],
);
const main :Workerd.Worker = (
  modules = [(name = "index.js", esModule = embed "index.js")],
  compatibilityDate = "${compatibilityDate}",
  bindings = [${bindings.join(', ')}],
  ${storage(Object.values(objects))}
);
${databaseConfig}`
}

function databaseWorker(className: string): string {
  return `const database :Workerd.Worker = (
  modules = [(name = "database.js", esModule = embed "database.js")],
  compatibilityDate = "${compatibilityDate}",
  bindings = [(name = "DATABASE", durableObjectNamespace = "${className}")],
  ${storage([className])}
);`
}

function storage(classNames: string[]): string {
  if (classNames.length === 0) return ''
  const namespaces = classNames.map(
    (name) => `(className = "${name}", uniqueKey = "${name}", enableSql = true)`,
  )
  return `durableObjectNamespaces = [${namespaces.join(', ')}], durableObjectStorage = (localDisk = "disk"),`
}

/** A string of the configuration language, which has JSON's escapes. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
