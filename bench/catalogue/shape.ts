// Recordings of a plausible shape, the same ones for the same seed: three years, many rooms of which a few have most of the
// recordings, some failures, titles, metadata. What runs at the moment is as much at every size.
import type { RecordingKind } from '../../src/recording/observation.ts'
import type { Recording } from '../../src/recording/recording.ts'
import type { Status } from '../../src/recording/status.ts'
import { Random } from '../../test/storm/random.ts'

export const endMs = Date.parse('2026-11-01T00:00:00.000Z')
const yearsMs = 3 * 365 * 86_400_000
export const running = 40

const teams = [
  'alpha',
  'bravo',
  'clinic',
  'design',
  'english',
  'finance',
  'gallery',
  'history',
  'india',
  'japan',
  'kitchen',
  'legal',
  'music',
] as const
const uses = [
  'standup',
  'review',
  'lesson',
  'interview',
  'webinar',
  'consultation',
  'training',
  'board',
  'support',
  'demo',
] as const
const topics = [
  'weekly',
  'budget',
  'planning',
  'résumé',
  'onboarding',
  'roadmap',
  'safety',
  'launch',
  'quarterly',
  'customer',
  'migration',
  'hiring',
  'retrospective',
  'security',
  'strategy',
] as const
const chinese = ['产品周会', '客户访谈', '季度总结', '项目启动会议'] as const

/** In the order in which they happened. */
export function* recordings(count: number): Generator<Recording> {
  const chance = new Random(20_261_101)
  const random = () => chance.next()
  for (let index = 0; index < count; index += 1) {
    const isRunning = index >= count - running
    const passedMs = (yearsMs * (index + random())) / count
    const startedAtMs = Math.floor(
      isRunning ? endMs - random() * 3_600_000 : endMs - yearsMs + passedMs,
    )
    const status = isRunning ? 'active' : fate(random())
    const egressId = `EG_${Math.floor(random() * 36 ** 8).toString(36)}${index.toString(36)}`
    yield {
      ...recordingOf(egressId, status, startedAtMs, Math.floor(120_000 * 60 ** random())),
      roomName: roomName(Math.floor(5_000 ** random())),
      kind: kindOf(random()),
      title: titleOf(chance),
      metadata: metadataOf(random(), random()),
      attention: random() < 0.004 ? 'size-mismatch' : null,
    }
  }
}

/** Rooms are numbered by how much they are used; the first one most. */
export function roomName(number: number): string {
  return `${teams[number % teams.length]}-${uses[(number * 7) % uses.length]}-${number}`
}

function fate(chance: number): Status {
  if (chance < 0.02) return 'failed'
  if (chance < 0.025) return 'aborted'
  if (chance < 0.03) return 'lost'
  return chance < 0.05 ? 'deleted' : 'ready'
}

function kindOf(chance: number): RecordingKind {
  if (chance < 0.8) return 'room_composite'
  if (chance < 0.9) return 'participant'
  return chance < 0.97 ? 'track_composite' : 'track'
}

function titleOf(chance: Random): string | null {
  const one = chance.next()
  if (one < 0.5) return null
  if (one < 0.55) return chance.pick(chinese)
  const words = [chance.pick(topics), chance.pick(topics), chance.pick(teams)]
  return [...words, ...(one > 0.9999 ? ['zeppelin'] : [])].join(' ')
}

function metadataOf(chance: number, other: number): Record<string, string> {
  if (chance < 0.4) return {}
  const customer = `customer-${Math.floor(20_000 ** other)}`
  return chance < 0.7 ? { customer } : { customer, plan: chance < 0.95 ? 'team' : 'enterprise' }
}

function recordingOf(
  egressId: string,
  status: Status,
  startedAtMs: number,
  lengthMs: number,
): Recording {
  const isReady = status === 'ready'
  const endedAtMs = status === 'active' ? null : startedAtMs + lengthMs
  const sizeBytes = isReady ? lengthMs * 250 + (lengthMs % 997) : null
  const file = {
    name: 'video.mp4',
    kind: 'video',
    contentType: 'video/mp4',
    sizeBytes,
    durationMs: lengthMs,
    key: `recordings/${egressId}/video.mp4`,
    state: 'final',
  } as const
  return {
    egressId,
    roomId: `RM_${egressId.slice(3)}`,
    roomName: null,
    kind: null,
    status,
    egressStatus: status === 'active' ? 'EGRESS_ACTIVE' : 'EGRESS_COMPLETE',
    title: null,
    metadata: {},
    startedAtMs: status === 'aborted' ? null : startedAtMs,
    endedAtMs,
    durationMs: isReady ? lengthMs : null,
    sizeBytes,
    files: isReady ? [file] : [],
    progress: null,
    error:
      status === 'failed' ? { code: 'egress-failed', message: 'Start signal not received' } : null,
    partial: false,
    limitReached: false,
    backup: false,
    egressEndedAtMs: null,
    recoveredBy: null,
    attention: null,
    expiresAtMs: null,
    removeAtMs: null,
    legalHold: false,
    createdAtMs: startedAtMs - 2_000,
    listed: true,
  }
}
