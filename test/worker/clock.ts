// Time in a story, by hand: it stands still, an hour ahead of the platform's clock, so that no alarm rings by itself. A
// test lets it pass from alarm to alarm; so every pause of the object is real in its own eyes, and no test waits.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { vi } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { recorded, objectOf, read } from './story.ts'
import type { Recorded } from '../egress-events.ts'

const aheadMs = 3_600_000

/** Stops the clock. `letTimeRun` starts it again. */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + aheadMs })
}

export function letTimeRun(): void {
  vi.useRealTimers()
}

export function passMs(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
}

/** A recording that has just ended by the clock of the store, which nobody can stop. */
export function recordedNow(more: Partial<Recorded> = {}): Recorded {
  const endedAtMs = vi.getRealSystemTime() - 1_000
  return recorded({ startedAtMs: endedAtMs - 60_000, endedAtMs, ...more })
}

/** When the object will come again; `null` when it will not without new evidence. */
export async function alarmAtMs(egressId: string): Promise<number | null> {
  return runInDurableObject(objectOf(egressId), (_, state) => state.storage.getAlarm())
}

/** Lets time pass until the object's alarm, and rings it. False when it has none. */
export async function ring(egressId: string): Promise<boolean> {
  const atMs = await alarmAtMs(egressId)
  if (atMs === null) return false
  if (atMs > Date.now()) vi.setSystemTime(atMs)
  return runDurableObjectAlarm(objectOf(egressId))
}

/** No story needs more; an object that rings on is at work on nothing. */
const mostRings = 100

/** Rings alarm after alarm until the recording is as it should be. */
export async function passUntil(
  egressId: string,
  isAsItShouldBe: (recording: RecordingJson) => boolean,
): Promise<RecordingJson> {
  let recording: RecordingJson | null = null
  for (let rings = 0; rings < mostRings; rings += 1) {
    recording = await read(egressId).catch(() => null)
    if (recording !== null && isAsItShouldBe(recording)) return recording
    if (!(await ring(egressId))) throw new Error(`at rest: ${JSON.stringify(recording)}`)
  }
  throw new Error(`after ${mostRings} alarms: ${JSON.stringify(recording)}`)
}

/** Lets so much time pass, and every alarm in it ring. */
export async function letPass(egressId: string, ms: number): Promise<void> {
  const endMs = Date.now() + ms
  for (;;) {
    const atMs = await alarmAtMs(egressId)
    if (atMs === null || atMs > endMs) break
    await ring(egressId)
  }
  if (Date.now() < endMs) passMs(endMs - Date.now())
}

/** Rings alarm after alarm until this is so. */
export async function ringUntil(egressId: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let rings = 0; rings < mostRings; rings += 1) {
    if (await isSo()) return
    if (!(await ring(egressId))) throw new Error('at rest')
  }
  throw new Error(`after ${mostRings} alarms`)
}

/** Rings until there is nothing to do for an hour. */
export async function passUntilQuiet(egressId: string): Promise<void> {
  for (let rings = 0; rings < mostRings; rings += 1) {
    const atMs = await alarmAtMs(egressId)
    if (atMs === null || atMs > Date.now() + 3_600_000) return
    await ring(egressId)
  }
  throw new Error(`not at rest after ${mostRings} alarms`)
}
