// The Durable Object of one egress, named by its id: the only writer of its recording. `observe` does no outside I/O: one
// storage transaction and an alarm, so that the webhook's 200 means "stored". The alarm does the work and never throws:
// the platform drops an alarm that fails six times (cloudflare.md §1).
import { DurableObject } from 'cloudflare:workers'
import { CatalogueRecordings } from '../catalog/recordings.ts'
import { readConfig } from '../config.ts'
import { livekitBackup } from '../livekit/backup.ts'
import { LiveKitEgress } from '../livekit/egress.ts'
import { logError, logInfo, messageOf } from '../log.ts'
import type { LogFields } from '../log.ts'
import { doubted } from '../recording/gone.ts'
import { nextStep, observe, revive } from '../recording/lifecycle.ts'
import type { Observation } from '../recording/observation.ts'
import { Trouble } from '../recording/ports.ts'
import { toRecording } from '../recording/recording.ts'
import type { Recording } from '../recording/recording.ts'
import type { Entry, RecordingState } from '../recording/state.ts'
import { S3 } from '../storage/s3.ts'
import { Journal } from './journal.ts'
import type { Ports } from './outcome.ts'
import { registryName } from './registry-object.ts'
import { settingsOf } from './settings.ts'
import { work } from './work.ts'
import type { Memory } from './work.ts'

/**
 * Comes again after this long when a run was cut off so hard that nothing could be noted: every deployment does that. A
 * run that takes longer is not disturbed, since an alarm never runs beside itself.
 */
const afterCutMs = 30_000
/** However many players complain, the final objects are looked at once in this time. */
const lookAgainMs = 60_000
/** Comes again after this long when a run failed in a way that no step foresaw. */
const afterBugMs = 30_000

export class RecordingObject extends DurableObject<Env> {
  #going: Promise<void> | null = null
  #lookedAtMs = 0
  readonly #journal = new Journal(this.ctx.storage, this.ctx.id.name ?? '')

  /**
   * Takes one observation, from whichever witness.
   * @returns whether it was news: false when this very observation had been told before
   */
  async observe(observation: Observation): Promise<{ isNew: boolean }> {
    if (this.#journal.has(observation.id)) {
      await this.#rearm()
      return { isNew: false }
    }
    const state = observe(this.#journal.state(), observation)
    this.#journal.commit(state, [], observation)
    await this.#arm(this.#dueAtMs())
    return { isNew: true }
  }

  /** The recording as the object knows it; `null` when nobody ever spoke of it. */
  async read(): Promise<Recording | null> {
    await this.#rearm()
    return toRecording(this.#journal.state())
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
      await this.#arm(await work(this.#memory(), this.#ports()))
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
      commit: (state: RecordingState, entries: Entry[], observation?: Observation): void => {
        journal.commit(state, entries, observation)
        for (const { type, detail } of entries)
          logInfo(type, { egressId: state.egressId, ...flat(detail) })
      },
    }
  }

  #ports(): Ports {
    const config = readConfig(this.env)
    return {
      store: new S3(config.storage),
      livekit: new LiveKitEgress(config.livekit),
      backup: livekitBackup,
      catalogue: new CatalogueRecordings(this.env.DB),
      registry: { put: async (egressId, isOpen) => this.#register(egressId, isOpen) },
      clock: { nowMs: () => Date.now(), random: () => Math.random() },
      settings: settingsOf(config),
    }
  }

  async #register(egressId: string, isOpen: boolean): Promise<void> {
    try {
      await this.env.REGISTRY.getByName(registryName).put(egressId, isOpen)
    } catch (cause) {
      throw new Trouble('registry-unavailable', messageOf(cause), { cause })
    }
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
