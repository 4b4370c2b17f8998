// The index may find too much and never too little: whatever passes a filter has a term of each of its groups.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matches, noFilter } from '../../src/catalog/filter.ts'
import type { Filter } from '../../src/catalog/filter.ts'
import { groupsOf, termsOf, valueKey } from '../../src/catalog/terms.ts'
import { toRecording } from '../../src/recording/recording.ts'
import type { Recording } from '../../src/recording/recording.ts'
import { observe } from '../../src/recording/lifecycle.ts'
import { noFacts, observation } from '../../src/recording/observation.ts'
import { newState } from '../../src/recording/state.ts'

const some = toRecording(
  observe(
    newState('EG_a'),
    observation({ id: '1', source: 'webhook', type: 'x', observedAtMs: 1, egress: noFacts }),
  ),
)

function recordingWith(more: Partial<Recording>): Recording {
  if (some === null) throw new Error('There is no recording.')
  return { ...some, status: 'ready', ...more }
}

const duration = fc.oneof(
  fc.integer({ min: 0, max: 2_000 }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  fc.maxSafeNat(),
  fc
    .integer({ min: 0, max: 52 })
    .chain((power) => fc.constantFrom(-1, 0, 1).map((step) => Math.max(0, 2 ** power + step))),
)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.stringMatching(/^[a-zA-ZéßØ会議室東京ガ 0-9-]{0,30}$/),
)

function expectFound(recording: Recording, filter: Filter): void {
  const terms = termsOf(recording)
  for (const group of groupsOf(filter)) {
    expect(
      group.some((term) => terms.includes(` f${term} `)),
      group.join(' '),
    ).toBe(true)
  }
}

describe('the terms of a recording', () => {
  it('have one of each range of durations that it lies in', () => {
    fc.assert(
      fc.property(duration, duration, duration, (durationMs, minDurationMs, maxDurationMs) => {
        const filter = { ...noFilter, minDurationMs, maxDurationMs }
        const recording = recordingWith({ durationMs })
        if (matches(recording, filter)) expectFound(recording, filter)
      }),
      { numRuns: 5_000 },
    )
  })

  it('have all that a search for a part of its text asks for', () => {
    fc.assert(
      fc.property(text, text, fc.nat(30), fc.nat(30), (title, value, from, length) => {
        const recording = recordingWith({ title, metadata: { key: value } })
        for (const query of [title, value, title.slice(from, from + length), `key ${value}`]) {
          const filter = { ...noFilter, text: query }
          if (matches(recording, filter)) expectFound(recording, filter)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('are letters, digits and colons, whatever the text', () => {
    fc.assert(
      fc.property(text, text, text, (roomName, key, value) => {
        const terms = termsOf(recordingWith({ roomName, title: value, metadata: { [key]: value } }))
        expect(terms).toMatch(/^( [\p{L}\p{N}\p{M}\p{So}:ー]+)+ $/u)
      }),
    )
  })

  it('sort the greatest value first, and none last', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        expect(valueKey(a) < valueKey(b)).toBe(a > b)
        expect(valueKey(a) < valueKey(null)).toBe(true)
      }),
    )
  })
})
