// The terms of the catalogue's inverted index: what a finished recording is found by, and which of them a query asks for.
// Both sides are written here, so that they cannot disagree. A term is a letter for what it is, a colon and a value in
// letters and digits; the letter of its shelf stands before it. A term may match too much (hashes, beginnings of words,
// ranges of durations), never too little: `matches` has the last word.
import { hash } from '../recording/hash.ts'
import type { Recording } from '../recording/recording.ts'
import type { Status } from '../recording/status.ts'
import { searchedText } from './filter.ts'
import type { Filter } from './filter.ts'
import { segmentsOf } from './words.ts'

export type Phase = 'open' | 'finished' | 'deleted'

/** A word is found by beginnings up to so many letters. */
const longestPrefix = 12
const longestWord = 64
/** Of one recording; a text that has more is found by its first. */
const mostWordTerms = 4096
/** Words of one query that the index is asked for. */
const mostQueryTerms = 24
const longestDigits = 16

export function phaseOf(status: Status): Phase {
  if (status === 'deleted') return 'deleted'
  const isOpen = ['starting', 'active', 'ending', 'processing'].includes(status)
  return isOpen ? 'open' : 'finished'
}

/** The letter that keeps the shelves apart in one index. */
export function shelfLetter(phase: Phase): string {
  return phase.slice(0, 1)
}

/** The terms as the row keeps them: between spaces, so that each can be looked for by itself. */
export function termsOf(recording: Recording): string {
  const shelf = shelfLetter(phaseOf(recording.status))
  const { roomName, status, kind, metadata, durationMs, sizeBytes, attention } = recording
  const terms = [
    'all:',
    statusTerm(status),
    ...(roomName === null ? [] : [roomTerm(roomName)]),
    ...(kind === null ? [] : [kindTerm(kind)]),
    ...(attention === null ? [] : ['a:']),
    ...Object.entries(metadata).map(([key, value]) => metadataTerm(key, value)),
    ...(durationMs === null ? [] : durationTerms(durationMs)),
    ...wordTerms(searchedText(recording)),
    ...(['sizeBytes', 'durationMs'] as const).flatMap((field) => {
      const key = valueKey(field === 'sizeBytes' ? sizeBytes : durationMs)
      const scopes = roomName === null ? [null] : [null, roomName]
      return scopes.map((room) => `${valueScope(field, room)}${key}`)
    }),
  ]
  return ` ${[...new Set(terms)].map((term) => `${shelf}${term}`).join(' ')} `
}

/** A recording of the filter has a term of each group. Statuses are left to the shelf. */
export function groupsOf(filter: Filter): string[][] {
  const { roomName, kind, attention, metadata, minDurationMs, maxDurationMs, text } = filter
  const hasRange = minDurationMs !== null || maxDurationMs !== null
  return [
    ...(roomName === null ? [] : [[roomTerm(roomName)]]),
    ...metadata.map(([key, value]) => [metadataTerm(key, value)]),
    ...queryTerms(text).map((term) => [term]),
    ...(kind === null ? [] : [[kindTerm(kind)]]),
    ...(attention ? [['a:']] : []),
    ...(hasRange ? [rangeTerms(minDurationMs ?? 0, maxDurationMs ?? Infinity)] : []),
  ]
}

export function statusTerm(status: Status): string {
  return `s:${status}`
}

function roomTerm(roomName: string): string {
  return `r:${hash(roomName)}`
}

function kindTerm(kind: string): string {
  return `k:${kind.replaceAll('_', '')}`
}

function metadataTerm(key: string, value: string): string {
  return `m:${hash(JSON.stringify([key, value]))}`
}

/** Before the value in the terms that keep the order by size or duration, of all recordings or of one room's. */
export function valueScope(field: 'sizeBytes' | 'durationMs', roomName: string | null): string {
  const letter = field === 'sizeBytes' ? 'z' : 'l'
  return roomName === null ? `${letter}:` : `${letter}r:${hash(roomName)}:`
}

/** Sorts the greatest value first; what has none comes after all that have one. */
export function valueKey(value: number | null): string {
  if (value === null) return noValueKey
  const rest = Number.MAX_SAFE_INTEGER - Math.min(Math.max(value, 0), Number.MAX_SAFE_INTEGER)
  return String(rest).padStart(longestDigits, '0')
}

/** Sorts behind every digit. */
export const noValueKey = 'n'

function wordTerms(text: string): string[] {
  const terms = new Set<string>()
  for (const { kind, text: segment } of segmentsOf(text)) {
    if (terms.size >= mostWordTerms) break
    const letters = Array.from(segment)
    if (kind === 'run') for (const gram of grams(letters, true)) terms.add(`g:${gram}`)
    else {
      terms.add(`w:${letters.slice(0, longestWord).join('')}`)
      for (let length = 1; length <= Math.min(letters.length, longestPrefix); length += 1) {
        terms.add(`p:${letters.slice(0, length).join('')}`)
      }
    }
  }
  return [...terms]
}

function queryTerms(text: string): string[] {
  const wanted = segmentsOf(text)
  const terms = wanted.flatMap(({ kind, text: segment }, index) => {
    const letters = Array.from(segment)
    if (kind === 'run') return grams(letters, false).map((gram) => `g:${gram}`)
    const isLast = index === wanted.length - 1
    return isLast
      ? [`p:${letters.slice(0, longestPrefix).join('')}`]
      : [`w:${letters.slice(0, longestWord).join('')}`]
  })
  return [...new Set(terms)].slice(0, mostQueryTerms)
}

/** Pairs of neighbours; single letters for a run of one, and where every part of the run is to be found. */
function grams(letters: string[], withSingles: boolean): string[] {
  const pairs = letters.slice(1).map((letter, index) => `${letters[index]}${letter}`)
  return withSingles || pairs.length === 0 ? [...letters, ...pairs] : pairs
}

/** A doubling of the duration, and a sixteenth of it. */
function durationTerms(durationMs: number): string[] {
  const step = durationStep(durationMs)
  return [`d:${Math.floor(step / 16)}`, `e:${step}`]
}

const longestDoubling = 42

function durationStep(durationMs: number): number {
  const doubling = Math.min(
    Math.max(Math.floor(Math.log2(Math.max(durationMs, 1))), 0),
    longestDoubling,
  )
  const sixteenth = Math.floor((Math.max(durationMs, 1) / 2 ** doubling - 1) * 16)
  return doubling * 16 + Math.min(sixteenth, 15)
}

/** Sixteenths at both ends, whole doublings between them. */
function rangeTerms(minMs: number, maxMs: number): string[] {
  const first = durationStep(minMs)
  const last = durationStep(Math.min(maxMs, Number.MAX_SAFE_INTEGER))
  const terms: string[] = []
  for (let step = first; step <= last;) {
    const isWhole = step % 16 === 0 && step + 15 <= last
    terms.push(isWhole ? `d:${step / 16}` : `e:${step}`)
    step += isWhole ? 16 : 1
  }
  // Nothing lies between a minimum and a smaller maximum.
  return terms.length === 0 ? ['none:'] : terms
}
