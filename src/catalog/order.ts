// The orders of a list, and the key of a row in each. Keys are unique and stay with their rows, so that pages begin where
// the last one ended whatever is written between them. Pure.
import type { Recording } from '../recording/recording.ts'
import { valueKey } from './terms.ts'

export const sorts = ['-startedAt', 'startedAt', '-sizeBytes', '-durationMs'] as const
export type Sort = (typeof sorts)[number]

export interface Key {
  /** By size or duration: the value, greatest first, as text. Empty by start. */
  value: string
  position: number
}

/** The field that a sort goes by; `null` for the start. */
export function sortField(sort: Sort): 'sizeBytes' | 'durationMs' | null {
  if (sort === '-sizeBytes') return 'sizeBytes'
  return sort === '-durationMs' ? 'durationMs' : null
}

export function keyOf(sort: Sort, recording: Recording, position: number): Key {
  const field = sortField(sort)
  return { value: field === null ? '' : valueKey(recording[field]), position }
}

/** Below zero when `a` comes before `b`. */
export function compareKeys(sort: Sort, a: Key, b: Key): number {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1
  return sort === '-startedAt' ? b.position - a.position : a.position - b.position
}
