// What people want of a recording: its title, that it be stopped, that it be removed. A wish is evidence like any other: it
// is told through the same door, and for each field the latest one holds, whatever the order of arrival. Pure; nothing here
// may ask whether a wish can be granted, that is for whoever takes it.

/** One start request's title, metadata and limits, an edit, a stop, a deletion: whatever of it was said. */
export interface Wishes {
  title: string | null
  /** All of it: an edit replaces the whole. */
  metadata: Record<string, string>
  expiresAtMs: number | null
  /** Nothing is removed while this holds. */
  legalHold: boolean
  /** Stopped by us so long after the start. */
  maxDurationMs: number | null
  /** Nobody takes this back: an egress that was stopped cannot go on. */
  stop: true
  /** When every byte of it is to go; `null` takes it back, as long as they are there. */
  removeAtMs: number | null
  /** The start of ours that the egress came from. */
  startId: string
}

/** A wish with when it was made; the id settles a tie, so that every order of arrival ends alike. */
export interface Wish<T> {
  atMs: number
  id: string
  value: T
}

/** For each field the wish that holds. */
export type Wished = { [Field in keyof Wishes]: Wish<Wishes[Field]> | null }

export const nothingWished: Wished = {
  title: null,
  metadata: null,
  expiresAtMs: null,
  legalHold: null,
  maxDurationMs: null,
  stop: null,
  removeAtMs: null,
  startId: null,
}

/** What one observation wishes. */
export function wishedBy(wishes: Partial<Wishes>, atMs: number, id: string): Wished {
  const wished = <Field extends keyof Wishes>(field: Field): Wish<Wishes[Field]> | null => {
    const value = wishes[field]
    return value === undefined ? null : { atMs, id, value }
  }
  return {
    title: wished('title'),
    metadata: wished('metadata'),
    expiresAtMs: wished('expiresAtMs'),
    legalHold: wished('legalHold'),
    maxDurationMs: wished('maxDurationMs'),
    stop: wished('stop'),
    removeAtMs: wished('removeAtMs'),
    startId: wished('startId'),
  }
}

/** The join of two bodies of wishes. */
export function joinWishes(a: Wished, b: Wished): Wished {
  return {
    title: later(a.title, b.title),
    metadata: later(a.metadata, b.metadata),
    expiresAtMs: later(a.expiresAtMs, b.expiresAtMs),
    legalHold: later(a.legalHold, b.legalHold),
    maxDurationMs: later(a.maxDurationMs, b.maxDurationMs),
    stop: later(a.stop, b.stop),
    removeAtMs: later(a.removeAtMs, b.removeAtMs),
    startId: later(a.startId, b.startId),
  }
}

/** When the latest of them was made; 0 when there is none. */
export function latestWishMs(wished: Wished): number {
  return Math.max(0, ...Object.values(wished).map((wish) => wish?.atMs ?? 0))
}

function later<T>(a: Wish<T> | null, b: Wish<T> | null): Wish<T> | null {
  if (a === null || b === null) return a ?? b
  if (a.atMs !== b.atMs) return a.atMs > b.atMs ? a : b
  if (a.id !== b.id) return a.id > b.id ? a : b
  return JSON.stringify(a.value) >= JSON.stringify(b.value) ? a : b
}
