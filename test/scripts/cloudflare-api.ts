// A pretend Cloudflare account, as far as `wrangler deploy` and `wrangler d1` speak to it: it creates databases and
// buckets, runs SQL on real SQLite, keeps what was uploaded, and notes every request. What it does not know is answered
// with an error, so that a call which was not planned for fails the test.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { buffer } from 'node:stream/consumers'

export const accountId = '0123456789abcdef0123456789abcdef'

interface Binding {
  name: string
  type: string
  text?: string
  id?: string
  database_id?: string
  bucket_name?: string
  jurisdiction?: string
}

interface Upload {
  bindings: Binding[]
}

interface ApiError {
  status: number
  code: number
  message: string
}

type Result = { result: unknown } | ApiError

const scriptPath = `/accounts/${accountId}/workers/scripts/roomtape`

export class CloudflareApi {
  /** In order: `METHOD path`, with what is told apart in the body. */
  readonly requests: string[] = []
  readonly uploads: Upload[] = []
  /** Bucket names and jurisdictions. */
  readonly buckets = new Map<string, string | null>()
  /** Secrets that were seen in the arguments of any process while the account was spoken to. */
  readonly seenInArguments: string[] = []
  #secrets: string[] = []
  readonly #databases = new Map<string, { name: string; sqlite: DatabaseSync }>()
  #server: Server | null = null

  async listen(): Promise<string> {
    const server = createServer((request, response) => {
      void this.#answer(request).then((answer) => {
        const isGood = 'result' in answer
        response.writeHead(isGood ? 200 : answer.status, { 'content-type': 'application/json' })
        const errors = isGood ? [] : [{ code: answer.code, message: answer.message }]
        const result = isGood ? answer.result : null
        return response.end(JSON.stringify({ success: isGood, errors, messages: [], result }))
      })
    })
    this.#server = server
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('no port')
    return `http://127.0.0.1:${address.port}/client/v4`
  }

  close(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }

  /** From now on every request is a moment to look at the arguments of all processes. */
  watchFor(secrets: string[]): void {
    this.#secrets = secrets
  }

  /** A Worker stands there already, with its secrets. */
  addWorker(): void {
    this.uploads.push({ bindings: [] })
  }

  /** Names of the tables in a database. */
  tables(databaseName: string): string[] {
    const database = [...this.#databases.values()].find(({ name }) => name === databaseName)
    const rows = database?.sqlite
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
    return (rows ?? []).map((row) => String(row['name']))
  }

  async #answer(request: IncomingMessage): Promise<Result> {
    const url = new URL(request.url ?? '', 'http://api')
    const path = url.pathname.replace('/client/v4', '')
    const method = request.method ?? ''
    const body = await buffer(request)
    this.requests.push(`${method} ${path}`)
    const shown = this.#secrets.length === 0 ? '' : argumentsOfAll()
    this.seenInArguments.push(...this.#secrets.filter((secret) => shown.includes(secret)))
    return (
      this.#user(path) ??
      this.#d1(method, path, body) ??
      this.#r2(method, path, body, request.headers['cf-r2-jurisdiction']) ??
      (await this.#worker(method, path, body, request.headers['content-type'] ?? '')) ?? {
        status: 400,
        code: 7003,
        message: `nothing is planned for ${method} ${path}`,
      }
    )
  }

  /** Whose token it is; the first account is not the one that the tests deploy to. */
  #user(path: string): Result | null {
    const accounts = [
      { id: 'another-account', name: 'Another' },
      { id: accountId, name: 'Pretend' },
    ]
    const answers: Record<string, unknown> = {
      '/user/tokens/verify': { id: 'token', status: 'active' },
      '/user': { id: 'user', email: 'person@example.org' },
      '/accounts': accounts,
      '/memberships': accounts.map((account) => ({ id: account.id, account })),
    }
    return path in answers ? { result: answers[path] } : null
  }

  #d1(method: string, path: string, body: Buffer): Result | null {
    const match = /\/d1\/database(?:\/([^/]+))?(\/query)?$/.exec(path)
    if (match === null) return null
    const [, nameOrId = '', query] = match
    if (nameOrId === '' && method === 'POST') {
      const { name } = JSON.parse(body.toString()) as { name: string }
      const uuid = crypto.randomUUID()
      this.#databases.set(uuid, { name, sqlite: new DatabaseSync(':memory:') })
      return { result: { uuid, name } }
    }
    const known = [...this.#databases].map(([uuid, { name }]) => ({ uuid, name }))
    if (nameOrId === '') return { result: known }
    const found = known.find(({ uuid, name }) => nameOrId === uuid || nameOrId === name)
    if (found === undefined) return { status: 404, code: 7404, message: 'database not found' }
    if (query === undefined) return { result: found }
    const { sql } = JSON.parse(body.toString()) as { sql: string }
    const { sqlite } = this.#databases.get(found.uuid) ?? {}
    const isQuestion = /^\s*SELECT/i.test(sql)
    const results = isQuestion ? sqlite?.prepare(sql).all() : (sqlite?.exec(sql), [])
    return { result: [{ results, success: true, meta: { duration: 0 } }] }
  }

  #r2(
    method: string,
    path: string,
    body: Buffer,
    jurisdiction: string | string[] | undefined,
  ): Result | null {
    const match = /\/r2\/buckets(?:\/([^/]+))?$/.exec(path)
    if (match === null) return null
    const [, name = ''] = match
    if (method === 'POST') {
      const created = JSON.parse(body.toString()) as { name: string }
      this.buckets.set(created.name, jurisdiction === undefined ? null : String(jurisdiction))
      return { result: created }
    }
    if (name === '') {
      return { result: { buckets: [...this.buckets.keys()].map((bucket) => ({ name: bucket })) } }
    }
    return this.buckets.has(name)
      ? { result: { name } }
      : { status: 404, code: 10006, message: 'bucket not found' }
  }

  async #worker(
    method: string,
    path: string,
    body: Buffer,
    contentType: string,
  ): Promise<Result | null> {
    // Every asset is there already.
    if (path === `${scriptPath}/assets-upload-session`) {
      return { result: { jwt: 'pretend-upload', buckets: [] } }
    }
    const latest = this.uploads.at(-1)
    const isAbout = path.includes('/workers/')
    if (!isAbout) return null
    if (method === 'PUT' && path === scriptPath) {
      const form = await new Response(new Uint8Array(body), {
        headers: { 'content-type': contentType },
      }).formData()
      const metadata = form.get('metadata')
      if (typeof metadata !== 'string') return null
      this.uploads.push(JSON.parse(metadata) as Upload)
      return { result: { id: 'roomtape', deployment_id: crypto.randomUUID(), startup_time_ms: 1 } }
    }
    if (path.endsWith('/workers/subdomain')) return { result: { subdomain: 'example' } }
    if (latest === undefined) {
      return { status: 404, code: 10_007, message: 'This Worker does not exist.' }
    }
    const script = { tag: 'tag', tags: [], last_deployed_from: 'wrangler' }
    const answers: Record<string, unknown> = {
      [`${scriptPath}/settings`]: { bindings: latest.bindings },
      [`${scriptPath}/deployments`]: { deployments: [] },
      [`${scriptPath}/secrets`]: [],
      [`${scriptPath}/subdomain`]: { enabled: true, previews_enabled: true },
      [`${scriptPath}/schedules`]: {},
      [`/accounts/${accountId}/workers/workers/roomtape`]: { subdomain: { enabled: true } },
      [`/accounts/${accountId}/workers/services/roomtape`]: {
        default_environment: { environment: 'production', script },
      },
    }
    return path in answers ? { result: answers[path] } : null
  }
}

/** The arguments of every process, as anybody on this machine can see them. */
function argumentsOfAll(): string {
  if (!existsSync('/proc/self/cmdline')) return execFileSync('ps', ['-eo', 'args']).toString()
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(argumentsOf)
    .join('\n')
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}
