// What a deployment is made of, decided without doing anything: which settings are secrets, what is wrong with them, the
// configuration that wrangler gets, and the words for a person. Pure. A secret's value appears in nothing that it returns
// except in what is meant for the secrets file.
import { BlockList, isIP } from 'node:net'
import { ConfigError, readConfig } from '../src/config.ts'
import type { ConfigFault } from '../src/config.ts'
import type { Vars } from './vars-file.ts'
import type { WranglerConfig } from './wrangler-config.ts'

export interface Settings {
  vars: Vars
  secrets: Vars
}

/** Lines of `.production.vars` that only a person can fill in, beside the secrets. */
export const placeSettings = ['LIVEKIT_URL', 'S3_ENDPOINT'] as const

const shortestSecretCharacters = 20
/** What `npm run dev` and `livekit-server --dev` use. */
const localValues = new Set(['devkey', 'secret', 'roomtape-local', 'roomtape-local-secret'])
const localNetworks = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  localNetworks.addSubnet(network, bits)
}
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  localNetworks.addSubnet(network, bits, 'ipv6')
}
const secretName = /_(KEYS?|SECRET|TOKEN)$/

/** The settings of a deployment: wrangler.toml's, replaced by the file's. What the toml does not name is a secret. */
export function settingsOf(config: WranglerConfig, file: Vars): Settings {
  const settings: Settings = { vars: {}, secrets: {} }
  for (const [name, value] of Object.entries({ ...config.vars, ...file })) {
    const isSecret =
      config.secrets.required.includes(name) || secretName.test(name) || !(name in config.vars)
    // An optional secret that is left empty is none.
    if (isSecret && value === '' && !config.secrets.required.includes(name)) continue
    settings[isSecret ? 'secrets' : 'vars'][name] = value
  }
  return settings
}

/**
 * Every fault of a deployment's settings, by name.
 * @param knownNames the names that `.dev.vars.example` explains
 */
export function faultsOf(
  config: WranglerConfig,
  settings: Settings,
  knownNames: readonly string[],
): ConfigFault[] {
  return [
    ...unknownFaults(config, settings, knownNames),
    ...configFaults({ ...settings.vars, ...settings.secrets }),
    ...localFaults(settings.vars),
    ...secretFaults(settings.secrets),
  ]
}

/** The faults of the vars alone, where the secrets are already on the Worker and cannot be seen. */
export function faultsOfVars(config: WranglerConfig): ConfigFault[] {
  const unseen = Object.fromEntries(config.secrets.required.map((name) => [name, 'unseen']))
  return [...configFaults({ ...config.vars, ...unseen }), ...localFaults(config.vars)]
}

function unknownFaults(
  config: WranglerConfig,
  { secrets }: Settings,
  knownNames: readonly string[],
): ConfigFault[] {
  const known = new Set([...knownNames, ...config.secrets.required, ...Object.keys(config.vars)])
  return Object.keys(secrets)
    .filter((name) => !known.has(name))
    .map((name) => ({ name, fault: 'is no setting of Roomtape' }))
}

function configFaults(all: Vars): ConfigFault[] {
  try {
    // The bucket is bound when it is in R2.
    const endpoint = all['S3_ENDPOINT'] ?? ''
    const isBound = URL.canParse(endpoint) && r2Of(endpoint) !== null
    readConfig({ ...all, ...(isBound ? { BUCKET: {} } : {}) })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

function localFaults(vars: Vars): ConfigFault[] {
  return Object.entries(vars)
    .filter(([, value]) => URL.canParse(value) && isLocalHost(new URL(value).hostname))
    .map(([name]) => ({ name, fault: 'is an address that only this machine or network can reach' }))
}

function secretFaults(secrets: Vars): ConfigFault[] {
  const local = Object.entries(secrets)
    .filter(([, value]) => localValues.has(value))
    .map(([name]) => ({ name, fault: 'is the one of local development' }))
  const short = (['ADMIN_TOKEN', 'PLAYBACK_SECRET'] as const)
    .filter((name) => (secrets[name] ?? '') !== '')
    .filter((name) => (secrets[name] ?? '').length < shortestSecretCharacters)
    .map((name) => ({ name, fault: `has fewer than ${shortestSecretCharacters} characters` }))
  return [...local, ...short]
}

/** True for hosts that Cloudflare cannot reach. */
export function isLocalHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  const version = isIP(host)
  if (version !== 0) return localNetworks.check(host, version === 4 ? 'ipv4' : 'ipv6')
  return host === 'localhost' || /\.(localhost|local|lan|internal)$/.test(host)
}

/** The account and jurisdiction that an R2 endpoint belongs to; `null` for another store. */
export function r2Of(endpoint: string): { accountId: string; jurisdiction: string | null } | null {
  const { hostname } = new URL(endpoint)
  const match = /^([0-9a-f]{32})(?:\.([a-z-]+))?\.r2\.cloudflarestorage\.com$/.exec(hostname)
  return match === null ? null : { accountId: match[1] ?? '', jurisdiction: match[2] ?? null }
}

/**
 * The configuration to deploy: the vars of this deployment, and as R2 bucket the one that LiveKit uploads into, or none
 * when the store is not R2. Secrets are not in it.
 */
export function deploymentConfig(config: WranglerConfig, { vars }: Settings): WranglerConfig {
  const r2 = r2Of(vars['S3_ENDPOINT'] ?? '')
  const { local_dev: _, ...binding } = config.r2_buckets[0] ?? { binding: 'BUCKET' }
  const bucket = {
    ...binding,
    bucket_name: vars['S3_BUCKET'] ?? '',
    ...(r2 === null || r2.jurisdiction === null ? {} : { jurisdiction: r2.jurisdiction }),
  }
  return { ...config, vars, r2_buckets: r2 === null ? [] : [bucket] }
}

/** The account to deploy to among several: the one of the R2 endpoint. `null` when that does not decide it. */
export function accountFor(accounts: { id: string }[], endpoint: string): string | null {
  if (accounts.length === 1) return accounts[0]?.id ?? null
  const r2 = r2Of(endpoint)
  return accounts.some(({ id }) => id === r2?.accountId) ? (r2?.accountId ?? null) : null
}

/** Where the Worker answers, by the targets that wrangler reports; `null` when none of them is an address. */
export function addressOf(targets: readonly string[], publicUrl: string): string | null {
  if (publicUrl !== '') return publicUrl.replace(/\/+$/, '')
  const hosts = targets
    .map((target) => target.split(' ')[0] ?? '')
    .map((target) => target.replace(/^https:\/\//, '').replace(/\/?\*?$/, ''))
    .filter((host) => /^[a-z0-9.-]+\.[a-z]+$/i.test(host))
  // An own domain before the one that every Worker has.
  const host = hosts.find((known) => !known.endsWith('.workers.dev')) ?? hosts[0]
  return host === undefined ? null : `https://${host}`
}

/** Targets of the deployment in wrangler's output file, one JSON object a line; `null` when nothing was deployed. */
export function targetsIn(outputFile: string): string[] | null {
  for (const line of outputFile.split('\n').filter((text) => text.trim() !== '')) {
    const entry = JSON.parse(line) as { type?: string; targets?: string[] }
    if (entry.type === 'deploy' && entry.targets !== undefined) return entry.targets
  }
  return null
}

/** True when the list that wrangler prints has this binding's database. */
export function hasDatabase(
  list: { name?: string; uuid?: string }[],
  wanted: { database_name?: string; database_id?: string },
): boolean {
  return list.some(
    ({ name, uuid }) =>
      (wanted.database_id !== undefined && uuid === wanted.database_id) ||
      (wanted.database_id === undefined && name === wanted.database_name),
  )
}

/** What to put into LiveKit's own configuration. */
export function livekitLines(address: string): string {
  return `LiveKit Cloud: Settings, Webhooks, add ${address}/webhooks/livekit
Your own server, in livekit.yaml:

  webhook:
    api_key: <your LIVEKIT_API_KEY>
    urls:
      - ${address}/webhooks/livekit
`
}
