// The Durable Object of one room: starts of recordings in it come by here, one after the other, so that of two exclusive
// ones at the same moment one is refused. It holds no lock that somebody could forget to give back: whether a recording
// runs is asked of those who know, each time (a recording that LiveKit lost must not bar a room for ever).
import { DurableObject } from 'cloudflare:workers'
import { readConfig } from '../config.ts'
import { LiveKitEgress } from '../livekit/egress.ts'
import { Trouble } from '../recording/ports.ts'
import { startNameOf } from '../recording/start.ts'
import type { Admission } from '../recording/start.ts'

/** A start that was let in, and when. */
interface Guest {
  startId: string
  atMs: number
}

const guestsKey = 'guests'
/** Of so many starts at once, the earliest are surely settled. */
const mostGuests = 50

/** The object's name for a room. */
export function roomObjectName(room: string): string {
  return `room:${room}`
}

export class RoomObject extends DurableObject<Env> {
  #turn: Promise<unknown> = Promise.resolve()

  /** Lets a start in. An exclusive one only while no recording of the room runs, or is being started. */
  async admit(startId: string, isExclusive: boolean): Promise<Admission> {
    const turn = this.#turn.then(async () => this.#admit(startId, isExclusive))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #admit(startId: string, isExclusive: boolean): Promise<Admission> {
    if (isExclusive) {
      try {
        const running = (await this.#runningGuest(startId)) ?? (await this.#runningEgress())
        if (running !== null) return { kind: 'busy', egressId: running.egressId }
      } catch (error) {
        if (!(error instanceof Trouble)) throw error
        return { kind: 'trouble', code: error.code, message: error.message }
      }
    }
    const guests = [...this.#guests(), { startId, atMs: Date.now() }]
    this.ctx.storage.kv.put(guestsKey, guests.slice(-mostGuests))
    return { kind: 'admitted' }
  }

  /** A start that was let in and is under way, or whose recording runs; the others are forgotten. */
  async #runningGuest(newcomer: string): Promise<{ egressId: string | null } | null> {
    const gone = new Set<string>()
    let running: { egressId: string | null } | null = null
    for (const { startId } of this.#guests()) {
      const name = startNameOf(startId)
      // Its own earlier try came to nothing, or there would be no new one.
      const start =
        name === startNameOf(newcomer) ? null : await this.env.START.getByName(name).view()
      const isUnderWay = start?.phase === 'calling' || start?.phase === 'unknown'
      if (isUnderWay) running ??= { egressId: start.egressId }
      else if (start?.phase === 'started' && (await this.#isRunning(start.egressId))) {
        running ??= { egressId: start.egressId }
      } else gone.add(startId)
    }
    // Others may have come in meanwhile: only those that were asked about are forgotten.
    const guests = this.#guests().filter(({ startId }) => !gone.has(startId))
    this.ctx.storage.kv.put(guestsKey, guests)
    return running
  }

  /** An egress of the room that LiveKit calls running, unless its own recording knows better. */
  async #runningEgress(): Promise<{ egressId: string } | null> {
    const livekit = new LiveKitEgress(readConfig(this.env).livekit)
    const room = (this.ctx.id.name ?? '').replace(/^room:/, '')
    for (const { egressId, facts } of await livekit.running(room)) {
      if (!isRecording(facts.status)) continue
      if (await this.#isRunning(egressId, true)) return { egressId }
    }
    return null
  }

  async #isRunning(egressId: string | null, unlessKnown = false): Promise<boolean> {
    if (egressId === null) return false
    const recording = await this.env.RECORDING.getByName(egressId).read()
    if (recording === null) return unlessKnown
    const { status, egressStatus } = recording
    // A stop that was asked for and never reached LiveKit stops nothing.
    return status === 'ending'
      ? isRecording(egressStatus)
      : status === 'starting' || status === 'active'
  }

  #guests(): Guest[] {
    return this.ctx.storage.kv.get<Guest[]>(guestsKey) ?? []
  }
}

/** An egress that is ending records no more: the next one may begin. */
function isRecording(egressStatus: string | null): boolean {
  return egressStatus !== 'EGRESS_ENDING'
}
