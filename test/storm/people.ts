// What people want of some recordings while the storm goes on: deleted at once or by way of the trash, taken out of it again,
// held, given an end, stopped. It exists for removals that meet moves, late webhooks and second runs. A person whose call
// fails, or who asks for what nobody has heard of yet, asks again; what was granted is the truth that deletions are judged by.
import { observation } from '../../src/recording/observation.ts'
import type { Wishes } from '../../src/recording/wishes.ts'
import type { Actor } from './actor.ts'
import type { Life } from './history.ts'
import { Random } from './random.ts'
import type { World } from './world.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
export const trashMs = 7 * dayMs

/** Each is asked for so long after the one before it was granted. */
interface Request {
  afterMs: number
  type: string
  wishes: (nowMs: number) => Partial<Wishes>
}

/** What one person asks for, in order. */
export interface Person {
  egressId: string
  firstAtMs: number
  requests: Request[]
  /** In the end nothing of the recording may be left. */
  wantsItGone: boolean
}

/** The people of this seed; most recordings have none. */
export function peopleOf(seed: number, lives: Life[]): Person[] {
  // Numbers of their own, so that histories are the same with them and without.
  const random = new Random(seed ^ 0x0bee_f00d)
  return lives.flatMap((life) => {
    if (!random.chance(0.15)) return []
    const startMs = life.told[0]?.atMs ?? 0
    const firstAtMs =
      startMs + random.between(minuteMs, random.pick([hourMs, 6 * hourMs, 3 * dayMs]))
    return [{ egressId: life.egressId, firstAtMs, ...wantedOf(random) }]
  })
}

function wantedOf(random: Random): Pick<Person, 'requests' | 'wantsItGone'> {
  const now = (type: string, wishes: Partial<Wishes>, afterMs = 0): Request => ({
    afterMs,
    type,
    wishes: () => wishes,
  })
  const deleted = (trash: number): Request => ({
    afterMs: 0,
    type: 'delete.asked',
    wishes: (nowMs) => ({ removeAtMs: nowMs + trash, stop: true }),
  })
  const restored = now('restore.asked', { removeAtMs: null }, random.between(minuteMs, 5 * dayMs))
  const keptForMs = random.between(minuteMs, 2 * dayMs)
  const expiring: Request = {
    afterMs: 0,
    type: 'recording.edited',
    wishes: (nowMs) => ({ expiresAtMs: nowMs + keptForMs }),
  }
  return random.pick([
    { requests: [deleted(0)], wantsItGone: true },
    { requests: [deleted(trashMs)], wantsItGone: true },
    { requests: [deleted(trashMs), restored], wantsItGone: false },
    { requests: [deleted(trashMs), restored, deleted(0)], wantsItGone: true },
    { requests: [expiring], wantsItGone: true },
    { requests: [now('recording.edited', { legalHold: true }), expiring], wantsItGone: false },
    { requests: [now('stop.asked', { stop: true })], wantsItGone: false },
  ])
}

/** What has been granted so far. */
export class Granted {
  readonly #removeAtMs = new Map<string, number>()
  readonly #held = new Set<string>()

  note(egressId: string, { removeAtMs, expiresAtMs, legalHold }: Partial<Wishes>): void {
    if (removeAtMs === null) this.#removeAtMs.delete(egressId)
    else if (removeAtMs !== undefined) this.#removeAtMs.set(egressId, removeAtMs)
    if (typeof expiresAtMs === 'number') this.#removeAtMs.set(egressId, expiresAtMs + trashMs)
    if (legalHold === true) this.#held.add(egressId)
  }

  /** True when every byte of it is to be gone by then. */
  isOver(egressId: string, nowMs: number): boolean {
    const atMs = this.#removeAtMs.get(egressId)
    return atMs !== undefined && atMs <= nowMs && !this.#held.has(egressId)
  }
}

/** Lets a person ask until everything was granted, or there is nothing to ask for. */
export function letAsk(
  person: Person,
  world: World,
  granted: Granted,
  untilMs: number,
  find: (egressId: string) => Actor | undefined,
): void {
  const { egressId, requests } = person
  const ask = (index: number): void => {
    const request = requests[index]
    if (request === undefined) return
    const actor = find(egressId)
    // The API knows of no such recording, or cannot reach its object.
    if (actor?.isKnown !== true || world.isOut('object')) {
      if (world.nowMs < untilMs) world.at(world.nowMs + hourMs, () => ask(index))
      return
    }
    const wishes = request.wishes(world.nowMs)
    const id = `${request.type}:${egressId}:${index}`
    const base = { id, source: 'api', type: request.type, observedAtMs: world.nowMs } as const
    actor.observe(observation({ ...base, wishes }))
    granted.note(egressId, wishes)
    const next = requests[index + 1]
    if (next !== undefined) world.at(world.nowMs + next.afterMs + 1, () => ask(index + 1))
  }
  world.at(person.firstAtMs, () => ask(0))
}
