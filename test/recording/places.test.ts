// Keys out of locations. Written for a location that would lead out of the temp folder, and for one that says nothing new.
import { describe, expect, it } from 'vitest'
import { claimsOf } from '../../src/recording/claims.ts'
import { keysByLocation } from '../../src/recording/places.ts'
import { nothingSeen } from '../../src/recording/seen.ts'
import { newState } from '../../src/recording/state.ts'

const stamp: [number, number, number, number, number] = [0, 1, 1, 0, 0]

function keysOf(base: string | null, path: string): string[] {
  return keysByLocation({ base: base === null ? null : { stamp, value: base } }, path, 'tmp/')
}

describe('a location', () => {
  it.each([
    ['https://s.example/recordings/tmp/eu/', 'a.mp4', ['tmp/eu/a.mp4']],
    ['https://recordings.https://s.example/tmp/eu/west/', 'b/a.mp4', ['tmp/eu/west/b/a.mp4']],
    ['https://s.example/recordings/', 'tmp/a.mp4', []],
    ['https://s.example/recordings/final/', 'a.mp4', []],
    ['https://s.example/recordings/tmp/eu/', '../../final/a.mp4', []],
    ['https://s.example/recordings/tmp/../final/', 'a.mp4', []],
    ['https://s.example/recordings/tmp/eu/', '', []],
    [null, 'a.mp4', []],
  ])('that begins with %s: %s lies at %j', (base, path, keys) => {
    expect(keysOf(base, path)).toEqual(keys)
  })

  it('claims a file, and the folder of a playlist, but no folder that others share', () => {
    const fact = { kind: 'playlist' as const, sizeBytes: null, durationMs: null, located: true }
    const paths = ['a/index.m3u8', 'index.m3u8']
    const outputs = { stamp, value: paths.map((path) => ({ ...fact, path })) }
    const base = { stamp, value: 'https://s.example/recordings/tmp/eu/' }
    const state = { ...newState('EG_a'), seen: { ...nothingSeen, base, outputs, paths } }
    const claims = claimsOf(state, 'tmp/')
    expect(claims).toContain('tmp/eu/a/')
    expect(claims).toContain('tmp/eu/index.m3u8')
    expect(claims).not.toContain('tmp/eu/')
  })
})
