// The list as a plain program would make it: every recording looked at, filtered and sorted in memory. What the catalogue
// answers is compared with it. Random catalogues and queries are made here too: small worlds, in which everything clashes.
import * as fc from 'fast-check'
import { recordingKinds } from '../../src/recording/observation.ts'
import type { Recording } from '../../src/recording/recording.ts'
import { statuses } from '../../src/recording/status.ts'
import type { Status } from '../../src/recording/status.ts'
import { readyRecording } from './story.ts'

export interface Asked {
  room?: string
  status?: Status[]
  kind?: Recording['kind']
  from?: number
  to?: number
  minDurationMs?: number
  maxDurationMs?: number
  q?: string
  metadata?: [string, string][]
  attention?: 'true'
  sort?: '-startedAt' | 'startedAt' | '-sizeBytes' | '-durationMs'
}

const newYearMs = Date.parse('2026-01-01T00:00:00.000Z')
const rooms = ['standup', 'Standup', 'board-room', '会議室', 'Café “north”', '']
const titles = [
  null,
  'Weekly board meeting',
  'weekly',
  '東京の定例会議',
  'Größe über alles, ÉTÉ',
  'ประชุมประจำสัปดาห์',
  '😀 party',
  'a-very-long-word-pneumonoultramicroscopicsilicovolcanoconiosis',
]
const customers = ['acme', 'ACME', 'Łódź', '大阪', "o'neil & sons", '']

/** In few places of time and size, so that many rows stand at the same one. */
export const someRecording = fc
  .record({
    status: fc.constantFrom(...statuses),
    kind: fc.constantFrom(null, ...recordingKinds),
    roomName: fc.constantFrom(null, ...rooms.slice(0, 5)),
    title: fc.constantFrom(...titles),
    metadata: fc.dictionary(
      fc.constantFrom('customer', 'a b', '💼', '__proto__x'),
      fc.constantFrom(...customers),
      {
        maxKeys: 3,
      },
    ),
    startedAtMs: fc.option(fc.integer({ min: 0, max: 6 }).map((step) => newYearMs + step)),
    createdAtMs: fc.integer({ min: 0, max: 6 }).map((step) => newYearMs + step),
    durationMs: fc.option(fc.constantFrom(0, 1, 59_999, 60_000, 60_001, 61_000, 3_600_000, 1e12)),
    sizeBytes: fc.option(fc.constantFrom(0, 1, 1_000, 1_001, 5e9, Number.MAX_SAFE_INTEGER)),
    attention: fc.constantFrom(null, null, null, 'size-mismatch'),
    listed: fc.constantFrom(true, true, true, true, true, true, false),
  })
  .map((more) => readyRecording(more))

export const someQuery: fc.Arbitrary<Asked> = fc.record(
  {
    room: fc.constantFrom(...rooms),
    status: fc.uniqueArray(fc.constantFrom(...statuses), { minLength: 1, maxLength: 4 }),
    kind: fc.constantFrom(...recordingKinds),
    from: fc.integer({ min: -1, max: 7 }).map((step) => newYearMs + step),
    to: fc.integer({ min: -1, max: 7 }).map((step) => newYearMs + step),
    minDurationMs: fc.constantFrom(0, 1, 60_000, 60_001, 3_000_000, 1e12 + 1),
    maxDurationMs: fc.constantFrom(0, 59_999, 60_000, 61_000, 1e12),
    q: fc.constantFrom(
      'board',
      'weekly boa',
      'boa weekly',
      'ete',
      'GRÖSSE',
      'uber',
      '会議',
      '会',
      '議室',
      '東京 会議',
      'ประชุม',
      '😀',
      'cafe nor',
      'stand',
      'pneumonoultramicroscopics',
      'pneumonoultramicroscopicx',
      'lodz',
      'oneil',
      "o'neil",
      'sons',
      'nothing',
      '"*()',
      '大阪',
    ),
    metadata: fc.array(
      fc.tuple(fc.constantFrom('customer', 'a b', '💼'), fc.constantFrom(...customers)),
      { minLength: 1, maxLength: 2 },
    ),
    attention: fc.constant('true' as const),
    sort: fc.constantFrom('-startedAt', 'startedAt', '-sizeBytes', '-durationMs'),
  },
  { requiredKeys: [] },
)

export function addressOf(asked: Asked): string {
  const { status = [], metadata = [], from, to, ...single } = asked
  const parameters = new URLSearchParams()
  for (const one of status) parameters.append('status', one)
  for (const [key, value] of metadata) parameters.append(`metadata[${key}]`, value)
  if (from !== undefined) parameters.set('from', new Date(from).toISOString())
  if (to !== undefined) parameters.set('to', new Date(to).toISOString())
  for (const [name, value] of Object.entries(single)) parameters.set(name, String(value))
  return parameters.toString()
}

export function passes(recording: Recording, asked: Asked): boolean {
  const start = startOf(recording)
  const { durationMs } = recording
  const conditions = [
    recording.listed,
    asked.status === undefined
      ? recording.status !== 'deleted'
      : asked.status.includes(recording.status),
    asked.room === undefined || recording.roomName === asked.room,
    asked.kind === undefined || recording.kind === asked.kind,
    asked.from === undefined || start >= asked.from,
    asked.to === undefined || start < asked.to,
    asked.minDurationMs === undefined || (durationMs !== null && durationMs >= asked.minDurationMs),
    asked.maxDurationMs === undefined || (durationMs !== null && durationMs <= asked.maxDurationMs),
    asked.attention === undefined || recording.attention !== null,
    (asked.metadata ?? []).every(([key, value]) => recording.metadata[key] === value),
    asked.q === undefined || hasText(recording, asked.q),
  ]
  return conditions.every(Boolean)
}

/** Ids that may stand at the same place in any order are compared by the value that they are sorted by. */
export function sortValue(recording: Recording, sort: Asked['sort'] = '-startedAt'): number {
  if (sort === '-startedAt') return -startOf(recording)
  if (sort === 'startedAt') return startOf(recording)
  const value = sort === '-sizeBytes' ? recording.sizeBytes : recording.durationMs
  return value === null ? Infinity : -value
}

function startOf({ startedAtMs, createdAtMs }: Recording): number {
  return startedAtMs ?? createdAtMs
}

const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Thai}\p{So}]/u

function hasText({ roomName, title, metadata }: Recording, q: string): boolean {
  const texts = [roomName ?? '', title ?? '', ...Object.entries(metadata).flat()].map(plain)
  const words = texts.flatMap((text) => text.split(/[^\p{L}\p{N}\p{M}\p{So}]+/u))
  const wanted = plain(q)
    .split(/[^\p{L}\p{N}\p{M}\p{So}]+/u)
    .filter((word) => word !== '')
  return wanted.every((word, index) =>
    unspaced.test(word)
      ? texts.some((text) => text.includes(word))
      : words.some((known) =>
          index === wanted.length - 1 ? known.startsWith(word) : known === word,
        ),
  )
}

function plain(text: string): string {
  return text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('ł', 'l')
}
