// The Durable Object of one start, named by the start: it sees to it that LiveKit is asked once. What is asked for is stored
// before the call; an answer that never came leaves the start `unknown`, and then the object looks for its egress, by itself
// and whenever somebody asks again, until it is found or LiveKit has said often enough that there is none. Repeats of one
// key meet here and make one start. It must never keep what the request carries: S3 keys, stream addresses.
import { DurableObject } from 'cloudflare:workers'
import { readConfig } from '../config.ts'
import { LiveKitControl } from '../livekit/control.ts'
import { LiveKitEgress } from '../livekit/egress.ts'
import { logError, logInfo, messageOf } from '../log.ts'
import { livekitSaid } from '../recording/observation.ts'
import type { EgressFacts } from '../recording/observation.ts'
import { Trouble } from '../recording/ports.ts'
import { startIdOf, startObservation, wishesOf } from '../recording/start.ts'
import type { Admission, Started, StartOrder, StartResult } from '../recording/start.ts'
import type { Wishes } from '../recording/wishes.ts'
import { roomObjectName } from './room-object.ts'

/** A key names its start for so long after it was asked for. */
const keptMs = 24 * 3_600_000
/** The call and what comes before it take no longer; an alarm that finds the call still under way was preceded by a kill. */
const longestCallMs = 75_000
/** LiveKit itself may work on a start for more than a minute after we stopped waiting (livekit.md §5). */
const surelySettledMs = 10 * 60_000
/** So many lists without the egress, the last of them after {@link surelySettledMs}, and it was never started. */
const leastLooks = 3
const firstLookMs = 5_000
const longestPauseMs = 5 * 60_000

/**
 * `calling`: LiveKit is being asked. `unknown`: it was asked, and nobody knows what came of it. `vanished`: it turned out
 * that nothing came of it.
 */
type Phase = 'calling' | 'unknown' | 'started' | 'refused' | 'vanished'

/** One try of a start; the last one counts, an earlier one may still turn out to have been heard. */
interface Try {
  startId: string
  askedAtMs: number
  bodyHash: string
  roomName: string | null
  wishes: Partial<Wishes>
  phase: Phase
  egressId: string | null
  /** The recording's object has been told of all this. */
  isTold: boolean
  looks: number
}

export interface StartAsk {
  order: StartOrder
  /** Tells two orders apart without keeping them. */
  bodyHash: string
  /** Address of our webhook route, as LiveKit can reach it; `null` when it cannot. */
  webhookUrl: string | null
}

/** What others may know of a start. */
export interface StartView {
  phase: Phase
  egressId: string | null
}

const triesKey = 'tries'

export class StartObject extends DurableObject<Env> {
  #underWay: Promise<StartResult> | null = null

  /** Starts, once. A repeat gets what the first one got, or finds out what became of it. */
  async start(ask: StartAsk): Promise<StartResult> {
    const last = this.#last()
    if (last !== null && !isOver(last)) {
      if (last.bodyHash !== ask.bodyHash) return { kind: 'other-order' }
      return asRepeat(await (this.#underWay ?? this.#settled(last)))
    }
    this.#underWay = this.#begin(ask).finally(() => {
      this.#underWay = null
    })
    return this.#underWay
  }

  /** An egress carries the mark of this start. @returns what was wished of it; `null` when there was no such start */
  async claim(startId: string, egressId: string): Promise<Started | null> {
    const claimed = this.#tries().find((known) => known.startId === startId)
    if (claimed === undefined) return null
    if (claimed.egressId === null) {
      // Whoever claims takes the wishes along: there is nothing left to tell.
      this.#keep({ ...claimed, phase: 'started', egressId, isTold: true })
      logInfo('start.adopted', { egressId, startId, by: 'egress' })
    } else if (claimed.egressId !== egressId) {
      logError('start.twice', { egressId, startId, first: claimed.egressId })
    }
    const { askedAtMs, wishes } = claimed
    return { askedAtMs, wishes }
  }

  async view(): Promise<StartView | null> {
    const last = this.#last()
    return last === null ? null : { phase: last.phase, egressId: last.egressId }
  }

  override async alarm(): Promise<void> {
    const last = this.#last()
    if (last === null) return
    try {
      if (last.phase === 'started' && !last.isTold) await this.#tell(last, null)
      else if (this.#underWay === null) await this.#settled(last)
      else await this.ctx.storage.setAlarm(Date.now() + longestCallMs)
    } catch (error) {
      logError('start.not-settled', { startId: last.startId, error: messageOf(error) })
      await this.ctx.storage.setAlarm(Date.now() + longestPauseMs)
    }
  }

  async #begin({ order, bodyHash, webhookUrl }: StartAsk): Promise<StartResult> {
    const name = this.ctx.id.name ?? ''
    const startId = startIdOf(name, this.#tries().length + 1)
    const roomName = order.roomName ?? null
    const attempt: Try = {
      startId,
      askedAtMs: Date.now(),
      bodyHash,
      roomName,
      wishes: wishesOf(order, startId),
      phase: 'calling',
      egressId: null,
      isTold: false,
      looks: 0,
    }
    this.#keep(attempt)
    await this.ctx.storage.setAlarm(Date.now() + longestCallMs)
    if (roomName !== null) {
      const admission = await this.#admitted(attempt, roomName, order.exclusive === true)
      if (admission.kind !== 'admitted') {
        await this.#close(attempt, 'refused')
        return admission
      }
    }
    return this.#call(attempt, order, webhookUrl)
  }

  /** Nothing was asked of LiveKit yet: whatever goes wrong here leaves no start. */
  async #admitted({ startId }: Try, roomName: string, isExclusive: boolean): Promise<Admission> {
    try {
      const room = this.env.ROOM.getByName(roomObjectName(roomName))
      return await room.admit(startId, isExclusive)
    } catch (error) {
      logError('room.unavailable', { startId, error: messageOf(error) })
      return { kind: 'trouble', code: 'room-unavailable', message: 'The room cannot be asked.' }
    }
  }

  async #call(attempt: Try, order: StartOrder, webhookUrl: string | null): Promise<StartResult> {
    const { startId } = attempt
    const config = readConfig(this.env)
    const place = {
      startId,
      webhookUrl: webhookUrl === null ? null : `${webhookUrl}?start=${startId}`,
    }
    const answer = await new LiveKitControl(config.livekit).start(order, place, config)
    if (answer.kind === 'done') return this.#adopt(attempt, answer.egressId, answer.facts, 'answer')
    // The first webhook may have come before the answer that never came.
    const known = this.#last()
    if (known?.phase === 'started' && known.egressId !== null) {
      return { kind: 'started', egressId: known.egressId, isRepeat: false }
    }
    if (answer.kind === 'refused') {
      const { status, code } = answer.refusal
      logInfo('start.refused', { startId, status, code })
      await this.#close(attempt, 'refused')
      return answer
    }
    logError('start.unknown', { startId, error: answer.why })
    this.#keep({ ...attempt, phase: 'unknown' })
    await this.ctx.storage.setAlarm(Date.now() + firstLookMs)
    return { kind: 'unknown' }
  }

  /** What became of a try that was asked before. */
  async #settled(attempt: Try): Promise<StartResult> {
    const { phase, egressId, startId } = attempt
    if (phase === 'started' && egressId !== null) {
      if (!attempt.isTold) await this.#tell(attempt, null)
      return { kind: 'started', egressId, isRepeat: true }
    }
    if (phase !== 'calling' && phase !== 'unknown') return { kind: 'unknown' }
    const found = await this.#lookFor(attempt)
    const now = this.#last() ?? attempt
    if (now.phase === 'started' && now.egressId !== null) {
      return { kind: 'started', egressId: now.egressId, isRepeat: true }
    }
    if (found !== null && found !== 'no-answer') {
      return this.#adopt(now, found.egressId, found.facts, 'list')
    }
    const looks = now.looks + (found === null ? 1 : 0)
    const ageMs = Date.now() - now.askedAtMs
    if (found === null && looks >= leastLooks && ageMs >= surelySettledMs) {
      logInfo('start.vanished', { startId })
      await this.#close({ ...now, looks }, 'vanished')
      return { kind: 'unknown' }
    }
    this.#keep({ ...now, phase: 'unknown', looks })
    await this.ctx.storage.setAlarm(Date.now() + Math.min(longestPauseMs, firstLookMs + ageMs / 2))
    return { kind: 'unknown' }
  }

  /** The egress that carries this try's mark, in LiveKit's list. An empty list proves little: it is read again later. */
  async #lookFor({
    startId,
    roomName,
  }: Try): Promise<{ egressId: string; facts: EgressFacts } | null | 'no-answer'> {
    const livekit = new LiveKitEgress(readConfig(this.env).livekit)
    try {
      return await livekit.find(roomName, (facts) => facts.startId === startId)
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      logError('start.not-looked-for', { startId, error: error.message })
      return 'no-answer'
    }
  }

  async #adopt(
    attempt: Try,
    egressId: string,
    facts: EgressFacts,
    by: 'answer' | 'list',
  ): Promise<StartResult> {
    const started: Try = { ...attempt, phase: 'started', egressId }
    this.#keep(started)
    logInfo('start.adopted', { egressId, startId: attempt.startId, by })
    await this.ctx.storage.setAlarm(Date.now() + firstLookMs)
    await this.#tell(started, facts)
    return { kind: 'started', egressId, isRepeat: by === 'list' }
  }

  /** Tells the recording's object what was wished and what LiveKit answered. Told twice is told once. */
  async #tell(attempt: Try, facts: EgressFacts | null): Promise<void> {
    const { egressId, startId } = attempt
    if (egressId === null) return
    const recording = this.env.RECORDING.getByName(egressId)
    await recording.observe(startObservation(startId, attempt))
    if (facts !== null) await recording.observe(livekitSaid('start', facts, Date.now()))
    this.#keep({ ...(this.#tryOf(startId) ?? attempt), isTold: true })
    await this.ctx.storage.deleteAlarm()
  }

  async #close(attempt: Try, phase: 'refused' | 'vanished'): Promise<void> {
    this.#keep({ ...attempt, phase })
    await this.ctx.storage.deleteAlarm()
  }

  #tries(): Try[] {
    return this.ctx.storage.kv.get<Try[]>(triesKey) ?? []
  }

  #tryOf(startId: string): Try | undefined {
    return this.#tries().find((known) => known.startId === startId)
  }

  #last(): Try | null {
    return this.#tries().at(-1) ?? null
  }

  #keep(attempt: Try): void {
    const others = this.#tries().filter(({ startId }) => startId !== attempt.startId)
    this.ctx.storage.kv.put(triesKey, [...others, attempt])
  }
}

/** True when the key may be used for another start: this one came to nothing, or was long ago. */
function isOver({ phase, askedAtMs }: Try): boolean {
  if (phase === 'refused' || phase === 'vanished') return true
  return phase === 'started' && Date.now() > askedAtMs + keptMs
}

function asRepeat(result: StartResult): StartResult {
  return result.kind === 'started' ? { ...result, isRepeat: true } : result
}
