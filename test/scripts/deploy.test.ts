// `npm run deploy` against a pretend Cloudflare account, with the real wrangler: what is created, in which order, and where
// the secrets are seen.
import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CloudflareApi, accountId } from './cloudflare-api.ts'
import { copyProject } from './project-copy.ts'
import type { ProjectCopy } from './project-copy.ts'
import { startScript } from './run-script.ts'

const timeout = 120_000
/** With everything that files of NAME=value lines and shells give a meaning of their own. */
const livekitSecret = 's3cr3t$HOME#x $PATH "q" \\n'
const settings = {
  LIVEKIT_API_KEY: 'APIproduction',
  LIVEKIT_API_SECRET: `'${livekitSecret}'`,
  S3_ACCESS_KEY_ID: 'production-access-key',
  S3_SECRET_ACCESS_KEY: 'production-secret-key',
  LIVEKIT_URL: 'wss://demo.livekit.cloud',
  S3_ENDPOINT: `https://${accountId}.eu.r2.cloudflarestorage.com`,
}

let api: CloudflareApi
let project: ProjectCopy
let environment: Record<string, string>

beforeEach(async () => {
  api = new CloudflareApi()
  project = await copyProject()
  environment = {
    CLOUDFLARE_API_BASE_URL: await api.listen(),
    CLOUDFLARE_API_TOKEN: 'pretend-token',
    // The token is for two accounts; the endpoint of the store says which of them.
    CLOUDFLARE_ACCOUNT_ID: '',
  }
})

afterEach(async () => {
  api.close()
  await project.remove()
})

async function deploy(...args: string[]): Promise<{ code: number; output: string }> {
  const script = startScript(project.folder, 'deploy.ts', ['--wait', '0', ...args], environment)
  return { code: await script.ended, output: script.output() }
}

function isQuery(request: string): boolean {
  return request.endsWith('/query')
}

/** Fills in the file that the first call wrote, as a person does. */
async function fillIn(values: Record<string, string>): Promise<string> {
  const path = join(project.folder, '.production.vars')
  let text = await readFile(path, 'utf8')
  for (const [name, value] of Object.entries(values)) {
    text = text.replace(new RegExp(`^#?${name}=.*$`, 'm'), () => `${name}=${value}`)
  }
  await writeFile(path, text)
  return text
}

describe('npm run deploy', () => {
  it(
    'makes a Worker, its database and its bucket in an empty account, shows no secret to anybody, and migrates first the next time',
    { timeout },
    async () => {
      const first = await deploy()
      expect(first.code).toBe(1)
      expect(first.output).toContain('Fill in LIVEKIT_API_KEY')
      const path = join(project.folder, '.production.vars')
      expect((await stat(path)).mode & 0o777).toBe(0o600)

      const written = await fillIn(settings)
      const adminToken = /^ADMIN_TOKEN=(.*)$/m.exec(written)?.[1] ?? ''
      expect(adminToken.length).toBeGreaterThanOrEqual(32)
      api.watchFor([adminToken, livekitSecret, settings.S3_SECRET_ACCESS_KEY])
      const { code, output } = await deploy()

      expect(output).toContain('https://roomtape.example.workers.dev/webhooks/livekit')
      expect(code).toBe(0)
      const bindings = new Map(api.uploads[0]?.bindings.map((binding) => [binding.name, binding]))
      expect(bindings.get('LIVEKIT_API_SECRET')).toMatchObject({
        type: 'secret_text',
        text: livekitSecret,
      })
      expect(bindings.get('ADMIN_TOKEN')).toMatchObject({ type: 'secret_text', text: adminToken })
      expect(bindings.get('LIVEKIT_URL')).toMatchObject({
        type: 'plain_text',
        text: 'wss://demo.livekit.cloud',
      })
      expect(api.buckets).toEqual(new Map([['recordings', 'eu']]))
      expect(api.tables('roomtape')).toContain('recordings')

      for (const secret of [adminToken, livekitSecret, settings.S3_SECRET_ACCESS_KEY]) {
        expect(output).not.toContain(secret)
      }
      expect(api.seenInArguments).toEqual([])
      expect(await readdir(project.folder)).not.toContain('wrangler.production.json')

      // The catalogue is migrated before the code that needs it, now that there is one.
      api.requests.length = 0
      expect((await deploy()).code).toBe(0)
      const upload = api.requests.indexOf(`PUT /accounts/${accountId}/workers/scripts/roomtape`)
      expect(api.requests.findIndex(isQuery)).toBeGreaterThanOrEqual(0)
      expect(api.requests.findLastIndex(isQuery)).toBeLessThan(upload)
      expect(api.requests).not.toContain(`POST /accounts/${accountId}/d1/database`)
    },
  )

  it(
    'touches nothing and names every fault at once when the settings are those of local development',
    { timeout },
    async () => {
      const local = {
        ...settings,
        ADMIN_TOKEN: 'short',
        LIVEKIT_API_SECRET: 'secret',
        LIVEKIT_URL: 'ws://127.0.0.1:7880',
        S3_ENDPOINT: 'http://localhost:9000',
      }
      const lines = Object.entries(local).map(([name, value]) => `${name}=${value}\n`)
      await writeFile(join(project.folder, '.production.vars'), lines.join(''))
      const { code, output } = await deploy()
      expect(code).toBe(1)
      for (const name of ['ADMIN_TOKEN', 'LIVEKIT_API_SECRET', 'LIVEKIT_URL', 'S3_ENDPOINT']) {
        expect(output).toMatch(new RegExp(`^ {2}${name} `, 'm'))
      }
      expect(api.requests).toEqual([])
    },
  )

  it(
    'leaves the secrets alone in Cloudflare’s own builds, where they are on the Worker already',
    { timeout },
    async () => {
      environment = { ...environment, WORKERS_CI: '1', CLOUDFLARE_ACCOUNT_ID: accountId }
      const config = join(project.folder, 'wrangler.toml')
      const text = await readFile(config, 'utf8')
      await writeFile(
        config,
        text
          .replace(/^LIVEKIT_URL = .*$/m, `LIVEKIT_URL = "${settings.LIVEKIT_URL}"`)
          .replace(/^S3_ENDPOINT = .*$/m, `S3_ENDPOINT = "${settings.S3_ENDPOINT}"`),
      )
      api.addWorker()
      expect((await deploy()).code).toBe(0)
      const bindings = api.uploads.at(-1)?.bindings ?? []
      expect(bindings.find(({ name }) => name === 'ADMIN_TOKEN')?.type).toBe('inherit')
    },
  )
})
