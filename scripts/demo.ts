// `npm run demo [-- --once] [--chaos] [--seed N] [--port N]`: the main job on real parts. Plays LiveKit with a real file
// and real signatures, waits until the recording is ready, and compares every byte that the link gives with the file.
// It ends with 0 only when all of that held, and it leaves nothing running.
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig } from '../src/config.ts'
import type { Config } from '../src/config.ts'
import { messageOf } from '../src/log.ts'
import type { RecordingJson } from '../src/routes/recording-json.ts'
import { parsePort } from './dev-arguments.ts'
import {
  defaultPort,
  ensureDevVars,
  isFree,
  isRoomtape,
  movedSettings,
  StartError,
  startDevServer,
} from './dev-server.ts'
import type { DevServer } from './dev-server.ts'
import { chaoticPlan, smoothPlan, webhookNames } from './demo/plan.ts'
import type { Act, Plan, Webhook } from './demo/plan.ts'
import { PretendLiveKit } from './demo/pretend-livekit.ts'
import { suppliers, timelineLines } from './demo/timeline.ts'
import type { TimelineItem } from './demo/timeline.ts'
import { endSignal } from './signals.ts'
import type { Vars } from './vars-file.ts'
import { projectFolder } from './wrangler.ts'
import { readWranglerConfig } from './wrangler-config.ts'

const readyWithinMs = 60_000
const lookMs = 50
/** So soon does the Worker ask LiveKit when a webhook fails to come; ten minutes in earnest. */
const chaosSilenceSeconds = 2
const mediaMs = 9_000
const rangeBytes = { from: 40_000, to: 40_999 }

/** What did not hold, in words. */
class DemoError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DemoError'
  }
}

interface World {
  url: string
  /** The server was started by this demo and ends with it. */
  isOurs: boolean
  config: Config
  livekit: PretendLiveKit
  file: Uint8Array<ArrayBuffer>
  egressId: string
  tempKey: string
}

const startedMs = Date.now()
const end = endSignal()
const cleanUps: (() => Promise<unknown> | void)[] = []

async function main(): Promise<void> {
  const options = readArguments()
  const plan = options.seed === null ? smoothPlan() : chaoticPlan(options.seed)
  if (options.seed !== null) tellPlan(plan, options.seed)
  const world = await setUp(options)
  await tellReadiness(world)
  for (const act of plan.acts) await perform(act, world)
  if (plan.livekitForgets) world.livekit.knows(null)
  const recording = await untilReady(world)
  checkRecovery(recording, plan)
  for (const act of plan.lateActs) await perform(act, world)
  if (plan.lateActs.length > 0) await checkUnchanged(recording, world)
  await untilRemoved(world)
  tellRecording(recording)
  const items = await timelineOf(world)
  heading('The timeline: everything that was seen, decided and done')
  for (const line of timelineLines(items)) console.log(line)
  if (options.seed !== null) tellSuppliers(items)
  await checkLink(world)
  if (options.staysUp && world.isOurs) await stayUp()
  else if (world.isOurs)
    console.log('The server ends here; beside `npm run dev` the link goes on playing.')
}

function readArguments(): { port: number; seed: number | null; staysUp: boolean } {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      chaos: { type: 'boolean', default: false },
      seed: { type: 'string' },
      port: { type: 'string', default: String(defaultPort) },
    },
  })
  const seed = values.seed === undefined ? randomInt(1_000_000) : Number(values.seed)
  if (!Number.isSafeInteger(seed)) throw new DemoError('--seed takes a whole number.')
  return {
    port: parsePort(values.port),
    seed: values.chaos || values.seed !== undefined ? seed : null,
    staysUp: process.stdout.isTTY && !values.once,
  }
}

async function setUp(options: { port: number; seed: number | null }): Promise<World> {
  const { vars } = await ensureDevVars()
  const file = new Uint8Array(await readFile(resolve(projectFolder, 'demo/recording.mp4')))
  const settings = { ...readWranglerConfig().vars, ...vars }
  const egressId = `EG_${randomBytes(6).toString('hex')}`
  const tempPrefix = readConfig({ ...settings }).tempPrefix
  const recorded = {
    egressId,
    roomName: 'Team standup',
    filename: `${tempPrefix}${egressId}/recording.mp4`,
    sizeBytes: file.length,
    startedAtMs: startedMs - mediaMs,
    endedAtMs: startedMs,
  }
  const isChaos = options.seed !== null
  const isRunning = !isChaos && !(await isFree(options.port)) && (await isRoomtape(options.port))
  const port = isChaos && !(await isFree(options.port)) ? await freePort() : options.port
  const config = readConfig({ ...settings, ...movedSettings(port, vars) })
  const livekit = new PretendLiveKit(config, recorded)
  cleanUps.push(() => livekit.close())
  const world = { config, livekit, file, egressId, tempKey: recorded.filename }
  if (isRunning) {
    await playFixedLiveKit(livekit, config)
    tell('demo', `uses the server that runs on port ${port}`)
    return { ...world, url: `http://localhost:${port}`, isOurs: false }
  }
  const livekitPort = await livekit.listen(0, tellAsked)
  const server = await startServer(port, isChaos, {
    LIVEKIT_URL: `ws://127.0.0.1:${livekitPort}`,
    ...(isChaos ? { SILENT_AFTER_SECONDS: String(chaosSilenceSeconds) } : {}),
  })
  tell('demo', `started Roomtape on ${server.url}`)
  return { ...world, url: server.url, isOurs: true }
}

/** Chaos gets a state of its own: it ends with the demo. */
async function startServer(port: number, isChaos: boolean, settings: Vars): Promise<DevServer> {
  let persistTo: string | undefined
  if (isChaos) {
    const folder = await mkdtemp(join(tmpdir(), 'roomtape-demo-'))
    cleanUps.push(() => rm(folder, { recursive: true, force: true }))
    persistTo = folder
  }
  const server = await startDevServer({ port, persistTo, settings, signal: end })
  cleanUps.push(() => server.stop())
  return server
}

/** A server that runs already looks for LiveKit where its settings say; it is played there if nobody else is. */
async function playFixedLiveKit(livekit: PretendLiveKit, config: Config): Promise<void> {
  const { hostname, port } = config.livekit.url
  const isHere = hostname === '127.0.0.1' || hostname === 'localhost'
  if (isHere && port !== '' && (await isFree(Number(port)))) {
    await livekit.listen(Number(port), tellAsked)
  }
}

async function freePort(): Promise<number> {
  for (let port = defaultPort + 1; port < defaultPort + 200; port += 1) {
    if (await isFree(port)) return port
  }
  throw new DemoError('No port is free.')
}

async function perform(act: Act, world: World): Promise<void> {
  if (act.do === 'upload') {
    await world.livekit.upload(world.file)
    tell('LiveKit → bucket', `${world.tempKey}, ${world.file.length.toLocaleString('en')} bytes`)
    // The egress has ended by now, whether a webhook says so or not.
    world.livekit.knows(3)
    return
  }
  const status = await world.livekit.send(act.webhook, `${world.url}/webhooks/livekit`)
  const repeat = act.isRepeat ? ', once more' : ''
  tell('LiveKit → webhook', `${webhookNames[act.webhook]}${repeat}: ${status}`)
  if (status !== 200) throw new DemoError(`The webhook was answered with ${status}.`)
}

async function untilReady(world: World): Promise<RecordingJson> {
  let before = ''
  const ready = await until(readyWithinMs, async () => {
    const recording = await readRecording(world)
    if (recording !== null && recording.status !== before) {
      before = recording.status
      tell('Roomtape', `status ${before}`)
    }
    return recording?.status === 'ready' ? recording : null
  })
  if (ready === null) {
    throw new DemoError(`The recording was not ready within ${readyWithinMs / 1000} s: ${before}.`)
  }
  return ready
}

async function untilRemoved(world: World): Promise<void> {
  const isRemoved = async () => ((await world.livekit.hasObject(world.tempKey)) ? null : true)
  if ((await until(readyWithinMs, isRemoved)) === null) {
    throw new DemoError(`${world.tempKey} was moved and is still there.`)
  }
  tell('Roomtape', `${world.tempKey} is gone: its copy was verified first`)
}

/** Without its last webhook a recording must say who told of the end instead. */
function checkRecovery({ recoveredBy }: RecordingJson, plan: Plan): void {
  const isTold = plan.fates[3] === 'delivered' || plan.fates[3] === 'doubled'
  const expected = isTold ? null : plan.livekitForgets ? 'object' : 'livekit'
  if (recoveredBy !== expected) {
    throw new DemoError(`recoveredBy is ${String(recoveredBy)} and should be ${String(expected)}.`)
  }
}

async function checkUnchanged(before: RecordingJson, world: World): Promise<void> {
  const after = await readRecording(world)
  const isSame =
    after?.status === 'ready' && JSON.stringify(after.files) === JSON.stringify(before.files)
  if (!isSame) throw new DemoError(`Late webhooks changed the recording: ${JSON.stringify(after)}`)
  tell('Roomtape', 'still ready, with the same file')
}

async function checkLink(world: World): Promise<void> {
  heading('A link that plays')
  const made = await api(world, `/v1/recordings/${world.egressId}/links`, { method: 'POST' })
  if (made.status !== 201) throw new DemoError(`No link was made: ${await made.text()}`)
  const { url, watchUrl } = await made.json<{ url: string; watchUrl: string }>()
  const redirect = await fetch(url, { redirect: 'manual' })
  const location = redirect.headers.get('location')
  if (redirect.status !== 302 || location === null) {
    throw new DemoError(`The link was answered with ${redirect.status}: ${await redirect.text()}`)
  }
  const { from, to } = rangeBytes
  const part = await fetch(location, { headers: { range: `bytes=${from}-${to}` } })
  const partBytes = new Uint8Array(await part.arrayBuffer())
  if (part.status !== 206 || sha256(partBytes) !== sha256(world.file.slice(from, to + 1))) {
    throw new DemoError(`Bytes ${from} to ${to} are not those of the file (status ${part.status}).`)
  }
  const whole = new Uint8Array(await (await fetch(url)).arrayBuffer())
  if (sha256(whole) !== sha256(world.file)) {
    throw new DemoError(`The link gave ${whole.length} bytes that are not the file's.`)
  }
  console.log(`play   ${url}`)
  console.log(`watch  ${watchUrl}`)
  console.log(`302 to ${new URL(location).host}, bytes ${from}-${to} and the whole file compared:`)
  console.log(`SHA-256 ${sha256(whole)}`)
}

async function stayUp(): Promise<void> {
  console.log('\nThe link plays until Ctrl-C.')
  // A listener alone does not keep a process alive.
  const alive = setInterval(() => undefined, 60_000)
  await new Promise<void>((resolveEnd) => {
    if (end.aborted) resolveEnd()
    end.addEventListener('abort', () => resolveEnd(), { once: true })
  })
  clearInterval(alive)
}

async function tellReadiness(world: World): Promise<void> {
  const response = await fetch(`${world.url}/readyz`)
  const { checks } = await response.json<{
    checks?: Record<string, { ok: boolean; fault: string | null }>
  }>()
  const words = Object.entries(checks ?? {}).map(
    ([name, { ok, fault }]) => `${name} ${ok ? 'ok' : `(${fault ?? 'no reason given'})`}`,
  )
  tell('GET /readyz', `${response.status}: ${words.join(', ')}`)
}

function tellPlan(plan: Plan, seed: number): void {
  heading(`Chaos with seed ${seed}; see it again: npm run demo -- --chaos --seed ${seed}`)
  for (const [index, name] of webhookNames.entries()) {
    console.log(`${name.padEnd(26)}  ${plan.fates[index as Webhook]}`)
  }
  if (plan.livekitForgets) console.log('LiveKit forgets the egress: only the bucket can tell.')
  console.log('')
}

function tellRecording(recording: RecordingJson): void {
  heading('The recording')
  const { egressId, roomName, status, durationMs, sizeBytes, recoveredBy, files } = recording
  console.log(JSON.stringify({ egressId, roomName, status, durationMs, sizeBytes, recoveredBy }))
  for (const file of files) console.log(`${file.kind}  ${file.key ?? ''}  ${file.state}`)
}

function tellSuppliers(items: TimelineItem[]): void {
  heading('Which witness was the first to tell')
  for (const { what, source, type } of suppliers(items)) {
    console.log(`${what.padEnd(16)}  ${source.padEnd(8)}  ${type}`)
  }
}

function tellAsked(egressId: string): void {
  tell('Roomtape → LiveKit', `what became of ${egressId}?`)
}

function tell(who: string, what: string): void {
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(2)
  console.log(`+${seconds} s  ${who.padEnd(18)}  ${what}`)
}

function heading(text: string): void {
  console.log(`\n${text}`)
}

async function readRecording(world: World): Promise<RecordingJson | null> {
  const response = await api(world, `/v1/recordings/${world.egressId}`)
  if (response.status === 200) return response.json<RecordingJson>()
  const body = await response.text()
  if (response.status === 404) return null
  throw new DemoError(`The API answered ${response.status}: ${body}`)
}

async function timelineOf(world: World): Promise<TimelineItem[]> {
  const response = await api(world, `/v1/recordings/${world.egressId}/timeline`)
  return (await response.json<{ items: TimelineItem[] }>()).items
}

async function api(world: World, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${world.config.adminToken}` }
  return fetch(`${world.url}${path}`, { ...init, headers })
}

/** Asks until there is an answer; `null` when there is none in time. */
async function until<T>(withinMs: number, ask: () => Promise<T | null>): Promise<T | null> {
  const deadlineMs = Date.now() + withinMs
  while (Date.now() < deadlineMs) {
    end.throwIfAborted()
    const answer = await ask()
    if (answer !== null) return answer
    await pause(lookMs)
  }
  return null
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

let exitCode = 0
try {
  await main()
} catch (error) {
  exitCode = end.aborted ? Number(end.reason) : 1
  if (!end.aborted) {
    const isExpected = [DemoError, StartError, ConfigError].some((kind) => error instanceof kind)
    console.error(isExpected ? `\nFailed: ${messageOf(error)}` : error)
  }
}
for (const cleanUp of cleanUps.toReversed()) await cleanUp()
process.exitCode = exitCode
