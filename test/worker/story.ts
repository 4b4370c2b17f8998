// What happens in a story: LiveKit sends webhooks, time passes, someone looks. Every step goes through the Worker's door.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { signed } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'

const host = 'https://roomtape.test'
const admin = { authorization: `Bearer ${env.ADMIN_TOKEN}` }

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(new Request(`${host}${path}`, { redirect: 'manual', ...init }))
}

export async function asAdmin(path: string, init: RequestInit = {}): Promise<Response> {
  return request(path, {
    ...init,
    headers: { ...admin, ...Object.fromEntries(new Headers(init.headers)) },
  })
}

/** Sends an event as LiveKit does. */
export async function webhook(event: unknown): Promise<Response> {
  const { body, headers } = await signed(event, env.LIVEKIT_API_KEY, env.LIVEKIT_API_SECRET)
  return request('/webhooks/livekit', { method: 'POST', body, headers })
}

/** Sends events that must be taken. */
export async function webhooks(...events: unknown[]): Promise<void> {
  for (const event of events) {
    const response = await webhook(event)
    if (response.status !== 200)
      throw new Error(`webhook: ${response.status} ${await response.text()}`)
  }
}

/** A recording with an id of its own. */
export function recorded(more: Partial<Recorded> = {}): Recorded {
  const egressId = `EG_${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`
  const endedAtMs = Date.now() - 1_000
  return {
    egressId,
    roomName: 'standup',
    filename: `tmp/${egressId}/video.mp4`,
    sizeBytes: 10,
    startedAtMs: endedAtMs - 60_000,
    endedAtMs,
    ...more,
  }
}

/** The recording as the API shows it. */
export async function read(egressId: string): Promise<RecordingJson> {
  const response = await asAdmin(`/v1/recordings/${egressId}`)
  if (response.status !== 200) throw new Error(`read: ${response.status} ${await response.text()}`)
  return await response.json<RecordingJson>()
}

/** Waits until the recording, as the API shows it, is as it should be. */
export async function until(
  egressId: string,
  isAsItShouldBe: (recording: RecordingJson) => boolean,
  withinMs = 10_000,
): Promise<RecordingJson> {
  const deadlineMs = Date.now() + withinMs
  for (;;) {
    const recording = await read(egressId).catch(() => null)
    if (recording !== null && isAsItShouldBe(recording)) return recording
    if (Date.now() > deadlineMs) throw new Error(`still ${JSON.stringify(recording)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Types of the timeline's items, oldest first. */
export async function timelineTypes(egressId: string): Promise<string[]> {
  const response = await asAdmin(`/v1/recordings/${egressId}/timeline`)
  const { items } = await response.json<{ items: { type: string }[] }>()
  return items.map((item) => item.type)
}

export function objectOf(egressId: string) {
  return env.RECORDING.getByName(egressId)
}

/** Runs the object's alarm now, as if its time had come. */
export async function wake(egressId: string): Promise<boolean> {
  return runDurableObjectAlarm(objectOf(egressId))
}

/** Does something to the storage of the recording's object. */
export async function inStorage<T>(
  egressId: string,
  act: (storage: DurableObjectStorage) => T,
): Promise<T> {
  return runInDurableObject(objectOf(egressId), (_, state) => act(state.storage))
}
