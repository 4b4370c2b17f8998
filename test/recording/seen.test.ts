// The evidence is a join: no order, no duplicate, no grouping of what witnesses say makes a difference. Pure, no mocks.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { join, merge, nothingSeen } from '../../src/recording/seen.ts'
import type { Seen } from '../../src/recording/seen.ts'
import type { Observation } from '../../src/recording/observation.ts'
import { anyObservation, life, startMs, uploadedFile, webhook, wish } from './evidence.ts'

const all = (observations: Observation[]): Seen => observations.reduce(merge, nothingSeen)

function permutations<T>(items: T[]): T[][] {
  if (items.length <= 1) return [items]
  return items.flatMap((item, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [
      item,
      ...rest,
    ]),
  )
}

describe('evidence about one egress', () => {
  it('W3: is the same for every order of started, ACTIVE, ENDING and ended, with duplicates', () => {
    const expected = all(life)
    const orders = permutations([...life, ...life.slice(0, 3)])
    expect(orders).toHaveLength(5040)
    for (const order of orders) expect(all(order)).toEqual(expected)
  })

  it('does not depend on order or duplicates, whatever is observed', () => {
    fc.assert(
      fc.property(
        fc.array(anyObservation, { maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        (seen, random) => {
          const shuffled = [...seen, ...seen]
            .map((observation) => ({ observation, rank: random.next().value }))
            .toSorted((a, b) => Number(a.rank) - Number(b.rank))
            .map(({ observation }) => observation)
          expect(all(shuffled)).toEqual(all(seen))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('is joined associatively, commutatively and idempotently', () => {
    const anySeen = fc.array(anyObservation, { maxLength: 3 }).map(all)
    fc.assert(
      fc.property(anySeen, anySeen, anySeen, (a, b, c) => {
        expect(join(join(a, b), c)).toEqual(join(a, join(b, c)))
        expect(join(a, b)).toEqual(join(b, a))
        expect(join(a, a)).toEqual(a)
      }),
      { numRuns: 500 },
    )
  })

  it('W10: keeps COMPLETE with a file over a later FAILED without one, in both orders', () => {
    const complete = webhook('EGRESS_COMPLETE', 60, { outputs: [uploadedFile] })
    const failed = webhook('EGRESS_FAILED', 61, { error: 'exit status 1' })
    for (const order of [
      [complete, failed],
      [failed, complete],
    ]) {
      expect(all(order).verdict?.value).toMatchObject({ status: 'EGRESS_COMPLETE', error: null })
      expect(all(order).outputs?.value).toEqual([uploadedFile])
    }
  })

  it('W10: keeps the end of a stream that went well over a later FAILED, but not over a file', () => {
    for (const status of ['EGRESS_COMPLETE', 'EGRESS_LIMIT_REACHED']) {
      const well = webhook(status, 60, { outputs: null, streams: true })
      const failed = webhook('EGRESS_FAILED', 61, { outputs: null, streams: true, error: 'exit' })
      const withFile = webhook('EGRESS_FAILED', 59, { outputs: [uploadedFile], streams: true })
      for (const order of permutations([well, failed]))
        expect(all(order).verdict?.value).toMatchObject({ status, error: null })
      for (const order of permutations([well, failed, withFile]))
        expect(all(order).verdict?.value.status).toBe('EGRESS_FAILED')
    }
  })

  it('W23: lets a later attempt supersede the terminal word of the attempt before it', () => {
    const failed = webhook('EGRESS_FAILED', 60)
    const again = webhook('EGRESS_ACTIVE', 90, { retryCount: 1 })
    expect(all([again, failed]).verdict?.value.status).toBe('EGRESS_ACTIVE')
  })

  it('W17: keeps an unknown status raw, as more than STARTING and never as an end', () => {
    const unknown = webhook('EGRESS_PAUSED', 5)
    const seen = all([unknown, webhook('EGRESS_STARTING', 0)])
    expect(seen.verdict?.value.status).toBe('EGRESS_PAUSED')
    expect(seen.endedBy).toEqual([])
  })

  it('W17: takes an unknown status for an end when LiveKit says when the egress ended', () => {
    const unknown = webhook('EGRESS_DRAINED', 5, { terminalAtMs: startMs + 5_000 })
    const late = webhook('EGRESS_ACTIVE', 9, { terminalAtMs: startMs + 5_000 })
    for (const order of [
      [unknown, late],
      [late, unknown],
    ]) {
      expect(all(order).verdict?.value.status).toBe('EGRESS_DRAINED')
      expect(all(order).endedBy).toEqual(['webhook'])
    }
  })

  it('keeps for each field the latest wish, in every order', () => {
    const first = wish('a', 10, { title: 'Standup', metadata: { team: 'x' }, legalHold: true })
    const second = wish('b', 20, { title: 'Retro' })
    const third = wish('c', 20, { legalHold: false })
    for (const order of permutations([first, second, third])) {
      const { title, metadata, legalHold } = all(order).wishes
      expect(title?.value).toBe('Retro')
      expect(metadata?.value).toEqual({ team: 'x' })
      expect(legalHold?.value).toBe(false)
    }
  })

  it('does not take a wish for a sign that LiveKit knows the egress', () => {
    const seen = all([webhook('EGRESS_ACTIVE', 1), wish('a', 2, { stop: true })])
    expect(seen.witnesses).toEqual(['webhook'])
    expect(seen.lastHeardAtMs).toBe(startMs + 1000)
  })

  it('never forgets size, location and end when a lesser observation comes later', () => {
    const seen = all([...life, webhook('EGRESS_ACTIVE', 300)])
    expect(seen.outputs?.value).toEqual([uploadedFile])
    expect(seen.endedAtMs?.value).toBe(startMs + 61_000)
  })
})
