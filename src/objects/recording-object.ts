// The Durable Object of one egress, named by its id: the only writer of its recording. `observe` does no outside I/O: one
// storage transaction and an alarm, so that the webhook's 200 means "stored". The alarm does the work and never throws:
// the platform drops an alarm that fails six times (cloudflare.md §1).
import { DurableObject } from 'cloudflare:workers'
import { readConfig } from '../config.ts'
import { logError, logInfo, messageOf } from '../log.ts'
import type { LogFields } from '../log.ts'
import { doubted } from '../recording/gone.ts'
import { isEnded, nextStep, observe, revive } from '../recording/lifecycle.ts'
import { observation } from '../recording/observation.ts'
import type { Observation } from '../recording/observation.ts'
import { edited, removed, restored } from '../recording/orders.ts'
import type { Edit, Granted } from '../recording/orders.ts'
import { toRecording } from '../recording/recording.ts'
import type { Recording } from '../recording/recording.ts'
import type { Entry, RecordingState } from '../recording/state.ts'
import { latestWishMs } from '../recording/wishes.ts'
import type { Wishes } from '../recording/wishes.ts'
import { stopEgress } from './control-steps.ts'
import { Journal } from './journal.ts'
import { settingsOf } from './settings.ts'
import { remember, work } from './work.ts'
import type { Memory } from './work.ts'
import { worldsOf } from './worlds.ts'

/**
 * Comes again after this long when a run was cut off so hard that nothing could be noted: every deployment does that. A
 * run that takes longer is not disturbed, since an alarm never runs beside itself.
 */
const afterCutMs = 30_000
/** However many players complain, the final objects are looked at once in this time. */
const lookAgainMs = 60_000
/** Comes again after this long when a run failed in a way that no step foresaw. */
const afterBugMs = 30_000

/** A stop that somebody waits for gets so long before the alarm takes it over. */
const stopCallMs = 20_000

export interface RecordingView {
  recording: Recording
  updatedAtMs: number
}

export class RecordingObject extends DurableObject<Env> {
  #going: Promise<void> | null = null
  #lookedAtMs = 0
  readonly #journal = new Journal(this.ctx.storage, this.ctx.id.name ?? '')

  /**
   * Takes one observation, from whichever witness.
   * @returns whether it was news: false when this very observation had been told before
   */
  async observe(said: Observation): Promise<{ isNew: boolean }> {
    if (this.#journal.has(said.id)) {
      await this.#rearm()
      return { isNew: false }
    }
    const state = observe(this.#journal.state(), said)
    this.#journal.commit(state, [], said)
    await this.#arm(this.#dueAtMs())
    return { isNew: true }
  }

  /** The recording as the object knows it; `null` when nobody ever spoke of it. */
  async read(): Promise<Recording | null> {
    await this.#rearm()
    return toRecording(this.#journal.state())
  }

  /** The recording, and when it was last changed for others to see. */
  async view(): Promise<RecordingView | null> {
    const recording = await this.read()
    if (recording === null) return null
    return {
      recording,
      updatedAtMs: this.#journal.state().catalogue.revision || recording.createdAtMs,
    }
  }

  /** Changes what people say of the recording, unless it is no longer the one that they saw. */
  async edit(edit: Edit, expected: string | null) {
    return this.#grant(edited(this.#journal.state(), edit, expected))
  }

  /** Has everything of it removed; an egress that still runs has to be stopped besides. */
  async remove(how: 'now' | 'trash') {
    const { trashMs } = readConfig(this.env)
    return this.#grant(removed(this.#journal.state(), how, Date.now(), trashMs))
  }

  /** Takes the recording out of the trash. */
  async restore() {
    return this.#grant(restored(this.#journal.state(), Date.now()))
  }

  /**
   * Has LiveKit end the egress. A LiveKit that does not answer is told again by the alarm.
   * @returns `ended` when there was nothing to stop, `unsettled` when LiveKit has not taken it yet
   */
  async stop(): Promise<'ended' | 'stopping' | 'unsettled' | null> {
    const before = this.#journal.state()
    if (before.seen.firstHeardAtMs === null) return null
    if (isEnded(before) || before.conclusion !== null) return 'ended'
    if (before.seen.wishes.stop === null) await this.#wish('stop.asked', { stop: true })
    if (before.seen.verdict?.value.status === 'EGRESS_ENDING') return 'stopping'
    // The alarm leaves it to this call, and does it itself when this call is cut off.
    const pause = { ...this.#journal.state().stop.pause, untilMs: Date.now() + stopCallMs }
    this.#journal.commit({ ...this.#journal.state(), stop: { pause, sentAtMs: null } }, [])
    await this.#arm(this.#dueAtMs())
    const ports = worldsOf(this.env)
    remember(this.#memory(), await stopEgress(this.#journal.state(), ports), Date.now())
    await this.#arm(this.#dueAtMs())
    const { stop } = this.#journal.state()
    return stop.sentAtMs === null ? 'unsettled' : 'stopping'
  }

  /** Sees to it that the alarm is set when there is work: for an alarm that the platform lost. */
  async wake(): Promise<void> {
    if (this.#journal.state().seen.firstHeardAtMs !== null) await this.#arm(this.#dueAtMs())
  }

  /** Tries everything again now, and looks at LiveKit and the bucket; works for as long as one go may. */
  async reconcile(): Promise<Recording | null> {
    if (this.#journal.state().seen.firstHeardAtMs === null) return null
    const entry = { atMs: Date.now(), source: 'api', type: 'reconcile.asked', detail: {} }
    this.#journal.commit(revive(this.#journal.state()), [entry])
    await this.alarm()
    return this.read()
  }

  /** Somebody could not load a file that ought to be there: looks at the final objects, once in a while at most. */
  async lookAtFiles(): Promise<void> {
    const nowMs = Date.now()
    if (nowMs - this.#lookedAtMs < lookAgainMs) return
    this.#lookedAtMs = nowMs
    this.#journal.commit(doubted(this.#journal.state()), [])
    await this.alarm()
  }

  /** Writes the row of the catalogue again, whatever it was: for a catalogue that was lost. */
  async republish(): Promise<Recording | null> {
    const state = this.#journal.state()
    if (state.seen.firstHeardAtMs === null) return null
    const catalogue = { ...state.catalogue, published: null, claims: [] }
    this.#journal.commit({ ...state, catalogue }, [])
    await this.alarm()
    return this.read()
  }

  /** Every observation, decision and step, oldest first, as JSON: what LiveKit sent has no type that a call can carry. */
  async timeline(): Promise<string> {
    await this.#rearm()
    return JSON.stringify(this.#journal.entries())
  }

  override async alarm(): Promise<void> {
    // One go at a time: an alarm that comes while somebody's `reconcile` works waits for the same work.
    this.#going ??= this.#go().finally(() => {
      this.#going = null
    })
    await this.#going
  }

  async #go(): Promise<void> {
    await this.#arm(Date.now() + afterCutMs)
    try {
      await this.#arm(await work(this.#memory(), worldsOf(this.env)))
    } catch (error) {
      logError('recording.work-failed', {
        egressId: this.#journal.state().egressId,
        error: messageOf(error),
      })
      await this.#arm(Date.now() + afterBugMs * (1 + Math.random()))
    }
  }

  /** The journal, with a line in the log for each of our own entries. */
  #memory(): Memory {
    const journal = this.#journal
    return {
      state: () => journal.state(),
      commit: (state: RecordingState, entries: Entry[], said?: Observation): void => {
        journal.commit(state, entries, said)
        for (const { type, detail } of entries)
          logInfo(type, { egressId: state.egressId, ...flat(detail) })
      },
    }
  }

  async #grant<Outcome extends string>({ outcome, wish }: Granted<Outcome>): Promise<Outcome> {
    if (wish !== null) await this.#wish(wish.type, wish.wishes)
    return outcome
  }

  /** Takes a wish, later than any before it: of two people the one who came last has his way. */
  async #wish(type: string, wishes: Partial<Wishes>): Promise<void> {
    const observedAtMs = Math.max(Date.now(), latestWishMs(this.#journal.state().seen.wishes) + 1)
    const id = `${type}:${observedAtMs}`
    await this.observe(observation({ id, source: 'api', type, observedAtMs, wishes }))
  }

  #dueAtMs(): number | null {
    const nowMs = Date.now()
    const step = nextStep(this.#journal.state(), nowMs, settingsOf(readConfig(this.env)))
    if (step.do === 'rest') return null
    return step.do === 'wait' ? step.untilMs : nowMs
  }

  /** The platform drops an alarm that failed six times: whoever speaks to the object then brings it back. */
  async #rearm(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.wake()
  }

  async #arm(atMs: number | null): Promise<void> {
    await (atMs === null ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(atMs))
  }
}

function flat(detail: Entry['detail']): LogFields {
  return Object.fromEntries(
    Object.entries(detail).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[name, value] as const]
        : [],
    ),
  )
}
