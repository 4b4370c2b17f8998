// Counts by day and by room, which the triggers of the catalogue keep beside each write: nothing here reads a recording.
import type { Reader } from './recordings.ts'

export interface Totals {
  ready: number
  failed: number
  aborted: number
  lost: number
  durationMs: number
  sizeBytes: number
}

export interface Stats {
  days: (Totals & { day: number })[]
  rooms: (Totals & { roomName: string | null })[]
  /** The first day that the rooms were counted from: later than asked where there were too many of them. */
  roomsFromDay: number
}

export interface StatsQuery {
  /** Days since 1970, both included. */
  fromDay: number
  toDay: number
  roomName: string | null
  /** How many rooms, the ones with the most recordings first. */
  mostRooms: number
}

/** Rooms of days that one answer looks at, the last days first. */
const mostRoomDays = 5_000

const sums = `sum(ready) AS ready, sum(failed) AS failed, sum(aborted) AS aborted, sum(lost) AS lost,
  sum(duration_ms) AS durationMs, sum(size_bytes) AS sizeBytes`
const counts = `ready, failed, aborted, lost, duration_ms AS durationMs, size_bytes AS sizeBytes`
const isAny = '(ready > 0 OR failed > 0 OR aborted > 0 OR lost > 0)'

export async function readStats(database: Reader, query: StatsQuery): Promise<Stats> {
  return query.roomName === null ? statsOfAll(database, query) : statsOfRoom(database, query)
}

async function statsOfAll(database: Reader, query: StatsQuery): Promise<Stats> {
  const { fromDay, toDay, mostRooms } = query
  const roomDays = `SELECT * FROM stats_by_room WHERE day BETWEEN ? AND ? ORDER BY day DESC LIMIT ?`
  const range = [fromDay, toDay, mostRoomDays]
  const [days, rooms, bounds] = await database.batch<Record<string, unknown>>([
    database
      .prepare(
        `SELECT day, ${counts} FROM stats_by_day WHERE day BETWEEN ? AND ? AND ${isAny} ORDER BY day`,
      )
      .bind(fromDay, toDay),
    database
      .prepare(
        `SELECT room_name AS roomName, ${sums} FROM (${roomDays}) WHERE ${isAny} GROUP BY room_name
         ORDER BY sum(ready + failed + aborted + lost) DESC, room_name LIMIT ?`,
      )
      .bind(...range, mostRooms),
    database
      .prepare(`SELECT count(*) AS roomDays, min(day) AS day FROM (${roomDays})`)
      .bind(...range),
  ])
  const reached = bounds?.results.at(0)
  return {
    days: (days?.results ?? []) as unknown as Stats['days'],
    rooms: ((rooms?.results ?? []) as unknown as (Totals & { roomName: string })[]).map((room) => ({
      ...room,
      roomName: room.roomName || null,
    })),
    roomsFromDay: reached?.['roomDays'] === mostRoomDays ? Number(reached['day']) : fromDay,
  }
}

async function statsOfRoom(database: Reader, query: StatsQuery): Promise<Stats> {
  const { fromDay, toDay, roomName } = query
  const days = Array.from({ length: toDay - fromDay + 1 }, (_, index) => fromDay + index)
  const { results } = await database
    .prepare(
      `SELECT day, ${counts} FROM json_each(?) d CROSS JOIN stats_by_room s ON s.day = d.value
       WHERE room_name = ? AND ${isAny} ORDER BY d.id`,
    )
    .bind(JSON.stringify(days), roomName)
    .all<Totals & { day: number }>()
  const rooms = results.length === 0 ? [] : [{ ...totalOf(results), roomName }]
  return { days: results, rooms, roomsFromDay: fromDay }
}

export function totalOf(parts: Totals[]): Totals {
  const sum = (pick: (part: Totals) => number): number =>
    parts.reduce((total, part) => total + pick(part), 0)
  return {
    ready: sum(({ ready }) => ready),
    failed: sum(({ failed }) => failed),
    aborted: sum(({ aborted }) => aborted),
    lost: sum(({ lost }) => lost),
    durationMs: sum(({ durationMs }) => durationMs),
    sizeBytes: sum(({ sizeBytes }) => sizeBytes),
  }
}
