// What viewers and operators are told. Exists for trouble that passes by itself, which nobody should be woken for, and for
// trouble that does not, which must never go unseen.
import { describe, expect, it } from 'vitest'
import { attention, error } from '../../src/recording/attention.ts'
import { observe } from '../../src/recording/lifecycle.ts'
import { noFacts, observation } from '../../src/recording/observation.ts'
import type { Observation } from '../../src/recording/observation.ts'
import { newState } from '../../src/recording/state.ts'
import { status } from '../../src/recording/status.ts'
import { output, startMs, uploadedFile, webhook } from './evidence.ts'
import { ended, paused, sourceOf, withFile } from './works.ts'

describe('the error of a failed attempt', () => {
  const failed = webhook('EGRESS_FAILED', 60, { error: 'page load error' })
  const manifest = (second: number) =>
    observation({
      id: 'manifest',
      source: 'manifest',
      type: 'manifest',
      observedAtMs: startMs,
      egress: {
        ...noFacts,
        updatedAtUs: (startMs + second * 1000) * 1000,
        outputs: [uploadedFile],
      },
    })
  const told = (...observations: Observation[]) => {
    const state = observations.reduce(observe, newState('EG_test'))
    return error(withFile(state, { state: 'final', source: sourceOf() }), 'ready')?.message
  }

  it('is told beside a file of its own, and not when a manifest tells of a later end', () => {
    expect(told(failed)).toBe('page load error')
    expect(told(failed, manifest(60))).toBe('page load error')
    expect(told(failed, manifest(120))).toBeUndefined()
    expect(told(manifest(120), failed)).toBeUndefined()
  })

  it('stays that of a recording without a file', () => {
    const state = [failed, manifest(120)].reduce(observe, newState('EG_test'))
    expect(error(state, 'failed')?.message).toBe('page load error')
  })
})

describe('attention', () => {
  it.each([
    'access-denied',
    'no-such-bucket',
    'wrong-credentials',
    'other-bucket',
    'outside-folders',
    'unsafe-key',
    'size-mismatch',
    'empty-file',
    'missing',
    'backup-expired',
  ])('%s is told of at once, for it does not pass by itself', (code) => {
    expect(attention(withFile(ended(), { pause: paused(code, 1) }))).toBe(code)
  })

  it.each(['store-outage', 'store-timeout', 'changed', 'backup-unreachable'])(
    '%s is told of when it has lasted',
    (code) => {
      const at = (attempts: number) =>
        attention(withFile(ended(), { pause: paused(code, attempts) }))
      expect([at(1), at(4), at(5), at(50)]).toEqual([null, null, code, code])
    },
  )

  it('is not asked for a file that nobody promised and nobody found', () => {
    const failed = ended([output()], 'EGRESS_FAILED')
    expect(attention(withFile(failed, { pause: paused('access-denied', 9) }))).toBeNull()
  })

  const folder = (more: object) => {
    const state = ended([output({ kind: 'playlist', path: 'temp/x/index.m3u8', located: true })])
    const folders = state.folders.map((known) => ({
      ...known,
      state: 'done' as const,
      isClosed: true,
      ...more,
    }))
    return attention({ ...state, folders })
  }
  it('is asked for segments that are missing, and for a list without an end, in this order', () => {
    expect(folder({})).toBeNull()
    expect(folder({ isClosed: false })).toBe('open-playlist')
    expect(folder({ isClosed: false, missingCount: 1 })).toBe('missing-segments')
    expect(folder({ isClosed: false, state: 'copying' })).toBeNull()
    expect(folder({ pause: paused('store-outage', 5) })).toBe('store-outage')
  })

  it('is asked for two runs under one id', () => {
    const state = withFile(ended(), { state: 'final', source: sourceOf() })
    const [file] = state.files
    if (file === undefined) throw new Error('there is no file')
    const second = { ...file, name: 'video-2.mp4', source: sourceOf({ etag: 'e2' }) }
    expect(attention({ ...state, files: [file, second] })).toBe('duplicate-run')
    expect(attention({ ...state, files: [file, { ...second, path: 'temp/b.mp4' }] })).toBeNull()
  })

  it('is not asked for what is no recording', () => {
    const conclusion = { as: 'ghost' as const, atMs: 0, evidence: '' }
    const state = withFile(ended(), { pause: paused('missing', 9) })
    expect(attention({ ...state, conclusion })).toBeNull()
  })
})

describe('the error', () => {
  it.each([
    ['EGRESS_COMPLETE', null, 'final', null],
    ['EGRESS_COMPLETE', 'access-denied', 'expected', 'access-denied'],
    ['EGRESS_COMPLETE', null, 'missing', 'no-file'],
    ['EGRESS_FAILED', null, 'missing', 'egress-failed'],
    ['EGRESS_ABORTED', null, 'missing', 'egress-aborted'],
    // The recording plays; what LiveKit said of it stays.
    ['EGRESS_FAILED', 'store-outage', 'final', 'egress-failed'],
    ['EGRESS_COMPLETE', 'store-outage', 'final', null],
  ] as const)('%s with %s and a file that is %s is %s', (word, code, state, expected) => {
    const pause = code === null ? {} : { pause: paused(code) }
    const source = state === 'final' ? { source: sourceOf() } : {}
    const now = withFile(ended([uploadedFile], word), { state, ...pause, ...source })
    expect(error(now, status(now))?.code ?? null).toBe(expected)
  })
})
