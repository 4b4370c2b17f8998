// `npm run deploy [-- --dry-run] [--wait SECONDS]`: from an account, empty or not, to a Worker that answers. Settings come
// from `.production.vars`; every fault in them is named before anything is touched. A secret must never appear in an
// argument, in the output or in a file that stays: it goes to wrangler in a file that only the owner can read, as JSON,
// because wrangler replaces `$NAME` in other files and lets the environment overrule them.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  accountFor,
  addressOf,
  deploymentConfig,
  faultsOf,
  faultsOfVars,
  hasDatabase,
  livekitLines,
  placeSettings,
  settingsOf,
  targetsIn,
} from './deployment.ts'
import type { Settings } from './deployment.ts'
import { endSignal } from './signals.ts'
import { namesIn, randomSecret, readTemplate, readVarsFile, writeVarsFile } from './vars-file.ts'
import { projectFolder, runWrangler } from './wrangler.ts'
import type { Run } from './wrangler.ts'
import { readWranglerConfig } from './wrangler-config.ts'
import type { WranglerConfig } from './wrangler-config.ts'

const settingsFile = '.production.vars'
const configFile = 'wrangler.production.json'
const defaultWaitSeconds = 120
const lookMs = 2_000

/** Why it was not deployed, or is not ready, in words. */
class DeployError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DeployError'
  }
}

interface Deployment {
  /** What to deploy. */
  config: WranglerConfig
  /** `null`: they are on the Worker already. */
  secrets: Settings['secrets'] | null
  /** Arguments and environment that every call of wrangler gets. */
  common: string[]
  environment: Record<string, string>
  folder: string
}

const end = endSignal()

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'dry-run': { type: 'boolean', default: false },
      wait: { type: 'string', default: String(defaultWaitSeconds) },
    },
  })
  const { config, secrets } = await readSettings(values['dry-run'])
  const folder = await mkdtemp(join(tmpdir(), 'roomtape-deploy-'))
  try {
    const deployment: Deployment = {
      config,
      secrets,
      folder,
      common: ['--config', resolve(projectFolder, configFile)],
      environment: {},
    }
    await writeFile(resolve(projectFolder, configFile), JSON.stringify(config, null, 2))
    tellPlan(deployment)
    if (values['dry-run']) {
      await upload(deployment, ['--dry-run'])
      console.log('Nothing was deployed: --dry-run.')
      return
    }
    deployment.environment = await account(config)
    const address = await deploy(deployment)
    await tellResult(address, Number(values.wait))
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(resolve(projectFolder, configFile), { force: true })
  }
}

/** @throws {DeployError} with all that is wrong */
async function readSettings(
  isDryRun: boolean,
): Promise<{ config: WranglerConfig; secrets: Settings['secrets'] | null }> {
  const config = readWranglerConfig()
  // Cloudflare's own builds, after the deploy button too, have the vars in wrangler.toml and the secrets on the Worker.
  if (process.env['WORKERS_CI'] === '1') {
    refuse(faultsOfVars(config), 'wrangler.toml')
    return { config, secrets: null }
  }
  const file = await readVarsFile(settingsFile)
  if (file === null) {
    if (isDryRun) throw new DeployError(`There is no ${settingsFile}; npm run deploy makes one.`)
    await makeSettingsFile(config)
    const names = emptyNames(config).join(', ')
    throw new DeployError(`Wrote ${settingsFile}. Fill in ${names}, then run npm run deploy again.`)
  }
  const settings = settingsOf(config, file)
  refuse(faultsOf(config, settings, namesIn(await readTemplate())), settingsFile)
  return { config: deploymentConfig(config, settings), secrets: settings.secrets }
}

async function makeSettingsFile(config: WranglerConfig): Promise<void> {
  const empty = Object.fromEntries(emptyNames(config).map((name) => [name, '']))
  await writeVarsFile(settingsFile, {
    ...empty,
    ADMIN_TOKEN: randomSecret(),
    PLAYBACK_SECRET: randomSecret(),
  })
}

/** What nobody but the user knows. */
function emptyNames(config: WranglerConfig): string[] {
  const made = ['ADMIN_TOKEN', 'PLAYBACK_SECRET']
  return [...config.secrets.required.filter((name) => !made.includes(name)), ...placeSettings]
}

function refuse(faults: { name: string; fault: string }[], where: string): void {
  if (faults.length === 0) return
  const lines = faults.map(({ name, fault }) => `  ${name} ${fault}`)
  throw new DeployError(`Nothing was deployed. In ${where}:\n${lines.join('\n')}`)
}

/** Who deploys, and where to: settled before the first call that changes anything. */
async function account(config: WranglerConfig): Promise<Record<string, string>> {
  if (process.env['CLOUDFLARE_ACCOUNT_ID'] || config.account_id !== undefined) return {}
  let who = await runWrangler(['whoami', '--json'], { signal: end })
  if (who.code !== 0 && process.stdin.isTTY && process.env['CLOUDFLARE_API_TOKEN'] === undefined) {
    await wrangler(['login'], { isShown: true })
    who = await runWrangler(['whoami', '--json'], { signal: end })
  }
  if (who.code !== 0) {
    throw new DeployError(
      'Not signed in to Cloudflare: set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, or run npx wrangler login.',
    )
  }
  const { accounts } = JSON.parse(who.stdout) as { accounts: { id: string; name: string }[] }
  const id = accountFor(accounts, config.vars['S3_ENDPOINT'] ?? '')
  if (id === null) {
    const known = accounts.map((one) => `  ${one.id}  ${one.name}`).join('\n')
    throw new DeployError(`Which account? Set CLOUDFLARE_ACCOUNT_ID to one of\n${known}`)
  }
  return { CLOUDFLARE_ACCOUNT_ID: id }
}

/** The catalogue is migrated before the code that needs it; one that does not exist yet is created by the upload. */
async function deploy(deployment: Deployment): Promise<string> {
  const exists = await databaseExists(deployment)
  if (exists) await migrate(deployment)
  const targets = await upload(deployment, [])
  if (!exists) await migrate(deployment)
  const address = addressOf(targets, deployment.config.vars['PUBLIC_URL'] ?? '')
  if (address === null) {
    throw new DeployError(`Deployed, without an address of its own: ${targets.join(', ')}`)
  }
  return address
}

async function databaseExists({ config, common, environment }: Deployment): Promise<boolean> {
  const { stdout } = await wrangler(['d1', 'list', '--json', ...common], { environment })
  const databases = JSON.parse(stdout) as { name?: string; uuid?: string }[]
  return hasDatabase(databases, config.d1_databases[0] ?? {})
}

async function migrate({ common, environment }: Deployment): Promise<void> {
  const args = ['d1', 'migrations', 'apply', 'DB', '--remote', ...common]
  // Without a terminal wrangler takes "yes".
  await wrangler(args, { environment: { ...environment, CI: 'true' } })
  console.log('The catalogue is migrated.')
}

/** @returns the targets that wrangler reports; none for a dry run */
async function upload(deployment: Deployment, more: string[]): Promise<string[]> {
  const { folder, secrets, common, environment } = deployment
  const secretsFile = join(folder, 'secrets.json')
  const outputFile = join(folder, 'output.ndjson')
  const args = ['deploy', ...common, ...more]
  if (secrets !== null) {
    await writeFile(secretsFile, JSON.stringify(secrets), { mode: 0o600 })
    args.push('--secrets-file', secretsFile)
  }
  if (more.includes('--dry-run')) args.push('--outdir', join(folder, 'dist'))
  try {
    const told = { ...environment, WRANGLER_OUTPUT_FILE_PATH: outputFile }
    await wrangler(args, { environment: told, isShown: true })
  } finally {
    await rm(secretsFile, { force: true })
  }
  if (more.includes('--dry-run')) return []
  const targets = targetsIn(await readFile(outputFile, 'utf8'))
  if (targets === null) throw new DeployError('Nothing was deployed.')
  return targets
}

async function wrangler(
  args: string[],
  options: { environment?: Record<string, string>; isShown?: boolean },
): Promise<Run> {
  const run = await runWrangler(args, { ...options, signal: end })
  end.throwIfAborted()
  if (run.code === 0) return run
  const [command] = args.join(' ').split(' -')
  throw new DeployError(`wrangler ${command} failed.\n${run.output}`.trimEnd())
}

function tellPlan({ config, secrets }: Deployment): void {
  const bucket = config.r2_buckets[0]?.bucket_name
  console.log(`
  Worker     ${config.name}
  catalogue  D1 database ${config.d1_databases[0]?.database_name ?? ''}, created when it does not exist
  store      ${config.vars['S3_ENDPOINT'] ?? ''}, bucket ${config.vars['S3_BUCKET'] ?? ''}${bucket === undefined ? '' : ', created when it does not exist'}
  LiveKit    ${config.vars['LIVEKIT_URL'] ?? ''}
  secrets    ${secrets === null ? 'as they are on the Worker' : Object.keys(secrets).join(', ')}
`)
}

async function tellResult(address: string, waitSeconds: number): Promise<void> {
  console.log(`\nRoomtape is deployed: ${address}\n\n${livekitLines(address)}`)
  if (waitSeconds === 0) return
  const checks = await readiness(address, waitSeconds)
  if (checks === null) {
    throw new DeployError(
      `${address}/readyz did not answer within ${waitSeconds} s. A new address can take some minutes.`,
    )
  }
  const faults = Object.entries(checks).filter(([, check]) => !check.ok)
  for (const [name, { ok, fault }] of Object.entries(checks)) {
    console.log(`  ${name.padEnd(10)} ${ok ? 'ok' : (fault ?? 'out of order')}`)
  }
  if (faults.length > 0) {
    const names = faults.map(([name]) => name).join(' and ')
    throw new DeployError(
      `Deployed, and not ready: see ${names} above, mend ${settingsFile}, deploy again.`,
    )
  }
}

type Checks = Record<string, { ok: boolean; fault: string | null }>

/** What the Worker says of itself, once it is reachable at all. */
async function readiness(address: string, waitSeconds: number): Promise<Checks | null> {
  const deadlineMs = Date.now() + waitSeconds * 1000
  for (;;) {
    end.throwIfAborted()
    const checks = await askReadiness(address)
    if (checks !== null || Date.now() > deadlineMs) return checks
    await pause(lookMs)
  }
}

async function askReadiness(address: string): Promise<Checks | null> {
  try {
    const signal = AbortSignal.timeout(15_000)
    const answer = await fetch(`${address}/readyz`, { signal })
    const body = await answer.json<{ checks?: Checks; detail?: string }>()
    if (body.checks !== undefined) return body.checks
    return body.detail === undefined ? null : { settings: { ok: false, fault: body.detail } }
  } catch {
    // Not there yet: the name or its certificate is still spreading.
    return null
  }
}

try {
  await main()
} catch (error) {
  if (!end.aborted) console.error(error instanceof DeployError ? error.message : error)
  process.exitCode = end.aborted ? Number(end.reason) : 1
}
