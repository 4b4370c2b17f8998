// One history under one weather: LiveKit uploads and sends webhooks, objects work, sweeps walk, everything fails; then the
// world is healed and weeks pass. The same seed gives the same run, to the last line.
import type { Ports } from '../../src/objects/outcome.ts'
import { observation } from '../../src/recording/observation.ts'
import { Trouble } from '../../src/recording/ports.ts'
import { mebibyte } from '../../src/recording/state.ts'
import type { Settings } from '../../src/recording/state.ts'
import { Actor } from './actor.ts'
import { Bucket, finalPrefix, tempPrefix } from './bucket.ts'
import type { StoreKind } from './bucket.ts'
import { StormDatabase, stormCatalogue } from './database.ts'
import { startMs } from './history.ts'
import type { History, Life, Told } from './history.ts'
import { PretendLiveKit } from './livekit.ts'
import { Granted, letAsk, peopleOf, trashMs } from './people.ts'
import { Random } from './random.ts'
import type { Rules } from './rules.ts'
import { PretendRegistry, Sweep } from './sweep.ts'
import { calm, World } from './world.ts'
import type { Place, Weather } from './world.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** Everything about a run but the history: the store, the settings, the weather and when it ends. */
export interface Conditions {
  seed: number
  store: StoreKind
  settings: Settings
  weather: Weather
  calmFromMs: number
  sweepsAtMs: number[]
}

/** What is left when everything has come to rest. */
export interface Aftermath {
  history: History
  conditions: Conditions
  bucket: Bucket
  database: StormDatabase
  registry: PretendRegistry
  actors: Map<string, Actor>
  /** What people wanted, and got. */
  granted: Granted
  /** `<egress id> <status>:<updatedAtUs>` of what LiveKit told the sweep. */
  answered: Set<string>
  /** Calls to the store before the world was healed. */
  callsInStorm: number
}

/** The conditions of a seed's storm. Not every fault in every seed: what always fails hides what fails at times. */
export function stormOf(seed: number, history: History): Conditions {
  const random = new Random(seed ^ 0x5eed_5eed)
  const some = (small: number, large: number): number => random.pick([0, 0, small, large])
  const calmFromMs =
    history.endMs + random.pick([minuteMs, hourMs, 6 * hourMs, 20 * hourMs, 40 * hourMs, 5 * dayMs])
  const lengthMs = calmFromMs - startMs
  const places: Place[] = ['store', 'livekit', 'catalogue', 'registry', 'object']
  const outages = places.flatMap((place) => {
    if (!random.chance(0.3)) return []
    const fromMs = startMs + Math.floor(random.next() * lengthMs)
    return [{ place, fromMs, toMs: fromMs + random.pick([minuteMs, hourMs, 10 * hourMs, dayMs]) }]
  })
  const sweeps = Array.from(
    { length: random.pick([0, 1, 4, 12]) },
    () => startMs + Math.floor(random.next() * lengthMs),
  )
  const isCondition = random.chance(0.7)
  const guards = isCondition && random.chance(0.6)
  return {
    seed,
    store: {
      guardsDestination: guards,
      ignoresConditions: !isCondition,
      refusesDeletes: isCondition && random.chance(0.1),
      normalisesKeys: random.chance(0.3),
      hasNoEtags: !isCondition && random.chance(0.15),
      listsMilliseconds: random.chance(0.5),
    },
    settings: {
      tempPrefix,
      finalPrefix,
      bucket: 'recordings',
      multipartAboveBytes: 2 * mebibyte,
      partBytes: mebibyte,
      subrequests: random.pick([45, 45, 20]),
      silentAfterMs: 10 * minuteMs,
      graceMs: hourMs,
      maxSessionMs: 12 * hourMs,
      trashMs,
    },
    weather: {
      loss: random.pick([0, 0.2, 0.6, 1]),
      repeat: some(0.1, 0.5),
      restate: some(0.1, 0.5),
      late: some(0.1, 0.5),
      trouble: some(0.02, 0.2),
      lostAnswer: some(0.02, 0.2),
      crash: some(0.01, 0.08),
      lostAlarm: some(0.1, 0.5),
      lie: some(0.02, 0.3),
      blip: some(0.05, 0.5),
      slow: some(0.02, 0.2),
      outages,
    },
    calmFromMs,
    sweepsAtMs: sweeps.toSorted((a, b) => a - b),
  }
}

/** The same world in which nothing fails. */
export function calmOf(storm: Conditions): Conditions {
  return { ...storm, weather: calm, calmFromMs: startMs, sweepsAtMs: [] }
}

/** Runs it to the end. @throws {Broken} the moment an invariant of every moment does not hold */
export async function simulate(
  history: History,
  conditions: Conditions,
  rules: Rules,
  lines: string[] | null = null,
): Promise<Aftermath> {
  const { seed, weather, calmFromMs, settings } = conditions
  const world = new World({ seed: seed ^ 0x0dd_ba11, startMs, weather, calmFromMs, lines })
  const granted = new Granted()
  const bucket = new Bucket(world, conditions.store, (egressId) =>
    granted.isOver(egressId, world.nowMs),
  )
  const database = new StormDatabase(world, rules.rewrite)
  const livekit = new PretendLiveKit(world, history)
  const registry = new PretendRegistry(world)
  const ports: Ports = {
    store: bucket,
    livekit,
    // No egress of these histories was started by us.
    starts: { claim: async () => null },
    backup: {
      read: async () => {
        throw new Trouble('backup', 'nothing in the storm lies in the backup storage')
      },
    },
    catalogue: stormCatalogue(database),
    registry: rules.registry(registry),
    clock: { nowMs: () => world.nowMs, random: () => world.random.next() },
    settings,
  }
  const actors = new Map<string, Actor>()
  const actorOf = (egressId: string): Actor => {
    const known = actors.get(egressId)
    if (known !== undefined) return known
    const actor = new Actor(egressId, world, ports, rules)
    actors.set(egressId, actor)
    return actor
  }
  const answered = new Set<string>()
  const sweep = new Sweep({
    world,
    bucket,
    database,
    livekit,
    registry,
    settings,
    objectsPerPage: 10,
    observe: (egressId, seen) => actorOf(egressId).observe(seen),
    wake: (egressId) => actorOf(egressId).wake(),
    answered: (egressId, status, atUs) => void answered.add(`${egressId} ${status}:${atUs}`),
  })
  for (const life of history.lives) schedule(world, bucket, life, actorOf)
  const healedMs = Math.max(calmFromMs, history.endMs)
  for (const person of peopleOf(seed, history.lives)) {
    letAsk(person, world, granted, healedMs + 10 * dayMs, (egressId) => actors.get(egressId))
  }
  const sweepsAtMs = [...conditions.sweepsAtMs, ...sweepsAfter(healedMs)]
  const endMs = healedMs + 40 * dayMs
  let callsInStorm = 0
  world.at(healedMs, () => {
    callsInStorm = bucket.calls
  })
  for (;;) {
    const actor = earliest(actors)
    const alarmAtMs = actor?.alarmAtMs ?? Number.POSITIVE_INFINITY
    const sweepAtMs = sweepsAtMs[0] ?? Number.POSITIVE_INFINITY
    const nextMs = Math.min(alarmAtMs, sweepAtMs, world.nextDueMs)
    if (nextMs > endMs) break
    world.advanceTo(nextMs)
    if (actor !== undefined && (actor.alarmAtMs ?? Infinity) <= world.nowMs) await actor.go()
    else if (sweepAtMs <= world.nowMs) {
      sweepsAtMs.shift()
      await sweep.run()
    }
  }
  return {
    history,
    conditions,
    bucket,
    database,
    registry,
    actors,
    granted,
    answered,
    callsInStorm,
  }
}

/** Closer together at first; none comes in time for everything. */
function sweepsAfter(healedMs: number): number[] {
  const afterMs = [10 * minuteMs, hourMs, 3 * hourMs, 14 * hourMs, dayMs, 2 * dayMs, 4 * dayMs]
  return [...afterMs, 8 * dayMs, 16 * dayMs, 16 * dayMs + hourMs, 30 * dayMs].map(
    (ms) => healedMs + ms,
  )
}

function earliest(actors: Map<string, Actor>): Actor | undefined {
  let first: Actor | undefined
  for (const actor of actors.values()) {
    if (actor.alarmAtMs === null) continue
    if (first?.alarmAtMs === undefined || actor.alarmAtMs < (first.alarmAtMs ?? Infinity)) {
      first = actor
    }
  }
  return first
}

function schedule(
  world: World,
  bucket: Bucket,
  life: Life,
  actorOf: (egressId: string) => Actor,
): void {
  for (const { atMs, key, content, contentType } of life.uploads) {
    world.at(atMs, () => bucket.put(key, content, life.metadata, contentType))
  }
  for (const [index, told] of life.told.entries()) {
    world.at(told.atMs, () => sendWebhook(world, life, told, index, actorOf))
  }
}

function sendWebhook(
  world: World,
  { egressId }: Life,
  { event, facts }: Told,
  index: number,
  actorOf: (egressId: string) => Actor,
): void {
  const { weather, random } = world
  const send = (id: string): void => {
    if (random.chance(weather.loss)) {
      world.tell(() => `webhook ${id} ${facts.status} is lost`)
      return
    }
    const delayMs = random.chance(weather.late)
      ? random.pick([2 * minuteMs, 20 * minuteMs, 2 * hourMs, 25 * hourMs])
      : 50
    world.at(world.nowMs + delayMs, () => {
      world.tell(() => `webhook ${id} ${facts.status} arrives`)
      const seen = { id, source: 'webhook', type: event, observedAtMs: world.nowMs } as const
      actorOf(egressId).observe(observation({ ...seen, egress: facts }))
    })
  }
  const id = `EV_${egressId}_${index}`
  send(id)
  if (random.chance(weather.repeat)) send(id)
  if (random.chance(weather.restate)) send(`${id}_again`)
}
