// The life of presigned URLs: the same URL within a window, never a life shorter than promised, never one that outlives
// the viewer's link by more than a window, never more than the seven days that stores allow.
import { describe, expect, it } from 'vitest'
import { presignedLife, windowMs } from '../../src/playback/life.ts'

const startMs = 1_767_225_600_000
const sevenDaysSeconds = 7 * 24 * 3600

describe('the life of a presigned URL', () => {
  it('is the same at any two moments of one window, so that the browser’s cache holds', () => {
    const first = presignedLife(startMs, 3600, null)
    for (const afterMs of [1, 999, 60_000, windowMs - 1]) {
      expect(presignedLife(startMs + afterMs, 3600, null)).toEqual(first)
    }
    expect(presignedLife(startMs + windowMs, 3600, null)).not.toEqual(first)
  })

  it.each([1, 60, 3600, sevenDaysSeconds - 3600])(
    'lasts at least %i s for whoever asks, at any moment',
    (ttlSeconds) => {
      for (let afterMs = 0; afterMs < 2 * windowMs; afterMs += 7_919) {
        const nowMs = startMs + afterMs
        const { signedAtMs, seconds } = presignedLife(nowMs, ttlSeconds, null)
        expect(signedAtMs).toBeLessThanOrEqual(nowMs)
        expect(signedAtMs + seconds * 1000).toBeGreaterThanOrEqual(nowMs + ttlSeconds * 1000)
        expect(seconds).toBeLessThanOrEqual(sevenDaysSeconds)
      }
    },
  )

  it('ends with the link, at most one window later', () => {
    for (const leftMs of [1_000, 59_000, windowMs, windowMs + 1, 1_800_000]) {
      for (let afterMs = 0; afterMs < windowMs; afterMs += 11_003) {
        const nowMs = startMs + afterMs
        const linkExpiresAtMs = nowMs + leftMs
        const { signedAtMs, seconds } = presignedLife(nowMs, 3600, linkExpiresAtMs)
        const endsAtMs = signedAtMs + seconds * 1000
        expect(endsAtMs).toBeGreaterThanOrEqual(linkExpiresAtMs)
        expect(endsAtMs).toBeLessThan(linkExpiresAtMs + windowMs)
      }
    }
  })

  it('is not longer for a link that lasts a year', () => {
    const yearMs = 366 * 24 * 3_600_000
    expect(presignedLife(startMs, 3600, startMs + yearMs)).toEqual(
      presignedLife(startMs, 3600, null),
    )
  })

  it('is whole seconds and at least one, as stores want it', () => {
    const { seconds } = presignedLife(startMs, 0.5, startMs - 10 * windowMs)
    expect(seconds).toBe(1)
    expect(Number.isInteger(presignedLife(startMs + 1, 1.25, null).seconds)).toBe(true)
  })
})
