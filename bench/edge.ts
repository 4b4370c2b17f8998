// `npm run bench:edge [-- --rounds N] [--seconds N] [--only redirects]`: the production bundle on raw workerd beside floors that cannot be
// undercut, same machine, same run, same payloads. Rounds alternate, so that a machine that slows down slows all. What
// counts is the ratios; figures of one machine say nothing of another.
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { CatalogueRecordings } from '../src/catalog/recordings.ts'
import { signPlaybackToken } from '../src/playback/token.ts'
import { observe } from '../src/recording/lifecycle.ts'
import { observation } from '../src/recording/observation.ts'
import { toRecording } from '../src/recording/recording.ts'
import type { Recording } from '../src/recording/recording.ts'
import { newState } from '../src/recording/state.ts'
import { projectFolder, runWrangler } from '../scripts/wrangler.ts'
import { readWranglerConfig } from '../scripts/wrangler-config.ts'
import { egressEvent, signed } from '../test/egress-events.ts'
import { freePort } from '../test/free-port.ts'
import { overHttp } from './edge/catalogue.ts'
import { load, request } from './edge/load.ts'
import { startPostgres } from './edge/postgres.ts'
import { cpuMicroseconds, startWorkerd, untilListening } from './edge/workerd.ts'
import type { Server } from './edge/workerd.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
  },
})
const rounds = Number(values.rounds)
const forMs = Number(values.seconds) * 1000
const connections = 16
const recordings = 200
const apiKey = 'APIbench'
const secret = 'a-secret-of-the-bench-0123456789abcdef'

interface Target {
  name: string
  server: Server
  requests: Buffer[]
  status: number
}

interface Result {
  perSecond: number
  cpu: number | null
}

const folder = await mkdtemp(join(tmpdir(), 'roomtape-bench-'))
const servers: Server[] = []
let stopPostgres = (): void => undefined
try {
  await main()
} finally {
  for (const { child } of servers) child.kill('SIGKILL')
  stopPostgres()
  await rm(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const hello = await start({ name: 'hello', script: await bundled('hello.ts') })
  const floor = await start({
    name: 'floor',
    script: await bundled('floor.ts'),
    texts: { API_KEY: apiKey, API_SECRET: secret },
    objects: { FLOOR: 'Floor' },
  })
  const ours = await startOurs()

  const tokens = await seed(ours.databasePort)
  const plays = tokens.map((token) => request('GET', `/play/${token}`))
  const logged = tokens.map((token) => request('GET', `/logged/${token}`))
  const [one = request('GET', '/')] = plays
  await compare('redirects', [
    target('a bare Hono route', hello, [request('GET', '/hello')], 200),
    target('a bare Hono route, a redirect’s answer', hello, plays, 302),
    target('the same with a line in the log', hello, logged, 302),
    target('a redirect, one link', ours.server, [one], 302),
    target(`a redirect, ${plays.length} links in turn`, ours.server, plays, 302),
  ])

  if (values.only === 'redirects') return
  const events = await webhooks()
  const targets = [
    target('WebhookReceiver.receive and one transaction', floor, events, 200),
    target('a webhook', ours.server, events, 200),
  ]
  const express = await startExpress()
  if (express === null) console.log('PostgreSQL is not installed: Express is left out.')
  else targets.push(target('Express and PostgreSQL', express, events, 200))
  await compare('webhooks', targets)
}

function target(name: string, server: Server, requests: Buffer[], status: number): Target {
  return { name, server, requests, status }
}

async function start(options: Omit<Parameters<typeof startWorkerd>[0], 'folder'>): Promise<Server> {
  const server = await startWorkerd({ ...options, folder })
  servers.push(server)
  return server
}

/** What `npm run deploy` would upload. */
async function startOurs(): Promise<{ server: Server; databasePort: number }> {
  const outdir = join(folder, 'bundle')
  const { code, output } = await runWrangler(['deploy', '--dry-run', '--outdir', outdir])
  if (code !== 0) throw new Error(output)
  const databasePort = await freePort()
  const server = await start({
    name: 'roomtape',
    script: await readFile(join(outdir, 'index.js'), 'utf8'),
    texts: {
      ...readWranglerConfig().vars,
      // Nobody listens there: what a redirect would ask of a store fails.
      LIVEKIT_URL: 'http://127.0.0.1:9',
      S3_ENDPOINT: 'http://127.0.0.1:9',
      LIVEKIT_API_KEY: apiKey,
      LIVEKIT_API_SECRET: secret,
      S3_ACCESS_KEY_ID: 'bench',
      S3_SECRET_ACCESS_KEY: secret,
      ADMIN_TOKEN: secret,
      PLAYBACK_SECRET: secret,
    },
    objects: { RECORDING: 'RecordingObject', COUNTER: 'CounterObject', REGISTRY: 'RegistryObject' },
    database: {
      script: await bundled('database.ts'),
      className: 'Database',
      port: databasePort,
    },
  })
  return { server, databasePort }
}

/** A ready recording with one video, as the catalogue keeps it. */
function readyRecording(egressId: string): Recording {
  const heard = {
    id: egressId,
    source: 'webhook',
    type: 'egress_ended',
    observedAtMs: Date.now(),
  } as const
  const recording = toRecording(observe(newState(egressId), observation(heard)))
  if (recording === null) throw new Error('a recording that nobody heard of')
  const file = {
    name: 'video.mp4',
    kind: 'video' as const,
    contentType: 'video/mp4',
    sizeBytes: 1_000_000,
    durationMs: 60_000,
    key: `recordings/${egressId}/video.mp4`,
    state: 'final' as const,
  }
  return { ...recording, status: 'ready', files: [file] }
}

async function bundled(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [resolve(import.meta.dirname, 'edge', name)],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:workers'],
  })
  return outputFiles.map(({ text }) => text).join('')
}

/** Fills the catalogue. @returns a link to each recording */
async function seed(databasePort: number): Promise<string[]> {
  const database = overHttp(databasePort)
  const migrations = resolve(projectFolder, 'migrations')
  for (const name of (await readdir(migrations)).toSorted()) {
    await database.exec(await readFile(join(migrations, name), 'utf8'))
  }
  const catalogue = new CatalogueRecordings(database)
  const tokens: string[] = []
  for (let index = 0; index < recordings; index += 1) {
    const recording = readyRecording(`EG_bench${index}`)
    await catalogue.put(recording, 1, [])
    const expiresAtMs = Date.now() + 6 * 3_600_000
    const { egressId } = recording
    const claims = { egressId, expiresAtMs, linkId: null, download: false, viewer: `v${index}` }
    tokens.push(await signPlaybackToken(claims, secret))
  }
  return tokens
}

/** Signs of life of as many egresses, so that the work that follows an end is not measured as a webhook. */
async function webhooks(): Promise<Buffer[]> {
  const startedAtMs = Date.now() - 60_000
  const bodies = Array.from({ length: 2_000 }, async (_, index) => {
    const egressId = `EG_live${index % recordings}`
    const filename = `temp/${egressId}/video.mp4`
    const about = { egressId, roomName: 'standup', filename, sizeBytes: 1, startedAtMs }
    const recorded = { ...about, endedAtMs: startedAtMs }
    const updatedAt = `${startedAtMs + index}000000`
    const event = egressEvent('egress_updated', 'EGRESS_ACTIVE', recorded, { updatedAt })
    const { body, headers } = await signed(event, apiKey, secret)
    return request('POST', '/webhooks/livekit', headers, body)
  })
  return Promise.all(bodies)
}

async function startExpress(): Promise<Server | null> {
  const postgres = await startPostgres(join(folder, 'pg'))
  if (postgres === null) return null
  stopPostgres = () => postgres.stop()
  const port = await freePort()
  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'edge/express.ts')], {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      PGHOST: postgres.host,
      PORT: String(port),
      API_KEY: apiKey,
      API_SECRET: secret,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const server = { name: 'express', port, child }
  servers.push(server)
  return untilListening(server)
}

/** Runs the targets in turn, and prints each one beside the first. */
async function compare(title: string, targets: Target[]): Promise<void> {
  for (const one of targets) await measure(one)
  const results: Result[][] = targets.map(() => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, one] of targets.entries()) results[index]?.push(await measure(one))
  }
  const floor = results[0] ?? []
  const head = ['per second'.padStart(10), 'CPU'.padStart(8), 'ratio'.padStart(6)]
  console.log(`\n${title.padEnd(46)} ${head.join(' ')}   throughput beside the first`)
  for (const [index, { name }] of targets.entries()) {
    const own = results[index] ?? []
    const ratios = own.map(({ perSecond }, round) => perSecond / (floor[round]?.perSecond ?? 1))
    const cpu = median(own.flatMap((result) => result.cpu ?? []))
    const floorCpu = median(floor.flatMap((result) => result.cpu ?? []))
    console.log(
      [
        name.padEnd(46),
        median(own.map(({ perSecond }) => perSecond))
          .toFixed(0)
          .padStart(10),
        (cpu === 0 ? '' : `${cpu.toFixed(0)} µs`).padStart(8),
        (cpu === 0 ? '' : (floorCpu / cpu).toFixed(2)).padStart(6),
        `  ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
      ].join(' '),
    )
  }
}

async function measure({ server, requests, status }: Target): Promise<Result> {
  const before = await cpuMicroseconds(server)
  const { answered, ms } = await load({ port: server.port, requests, status, connections, forMs })
  const after = await cpuMicroseconds(server)
  const cpu = before === null || after === null ? null : (after - before) / answered
  return { perSecond: (1000 * answered) / ms, cpu }
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
