// Keys: what LiveKit's paths may lead to. The paths are hostile: rooms are named by strangers.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  finalFolder,
  freeName,
  isEgressId,
  isSafeKey,
  isSameKey,
  isUnder,
  manifestPath,
  tempKeys,
} from '../../src/recording/keys.ts'

const hostileSegment = fc.constantFrom(
  '..',
  '.',
  '',
  'a',
  'temp',
  'recordings',
  'b c',
  '%2e%2e',
  '..a',
  'ä',
  '🎥',
)
const hostilePath = fc
  .tuple(fc.constantFrom('', '/', 'temp/', '/temp/'), fc.array(hostileSegment, { maxLength: 7 }))
  .map(([start, segments]) => start + segments.join('/'))

describe('temp keys of a path', () => {
  it('S13: never hold a segment that a URL would resolve', () => {
    fc.assert(
      fc.property(hostilePath, (path) => {
        for (const key of tempKeys(path, 'temp/')) {
          const url = new URL(
            `http://store/bucket/${key.split('/').map(encodeURIComponent).join('/')}`,
          )
          expect(decodeURIComponent(url.pathname)).toBe(`/bucket/${key}`)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('S13: stay in the temp folder whenever the path climbs', () => {
    fc.assert(
      fc.property(hostilePath, (path) => {
        fc.pre(path.split('/').includes('..'))
        for (const key of tempKeys(path, 'temp/')) expect(isUnder('temp/', key)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('are none for a room named to leave the folder', () => {
    expect(tempKeys('temp/../../recordings/EG_other/video.mp4', 'temp/')).toEqual([])
    // What is left is what the egress service's own prefix would make of it, inside the temp folder.
    expect(tempKeys('temp/../recordings/EG_other/video.mp4', 'temp/')).toEqual([
      'temp/recordings/EG_other/video.mp4',
    ])
    expect(tempKeys('..', 'temp/')).toEqual([])
    expect(tempKeys('', 'temp/')).toEqual([])
  })

  it.each([
    ['temp/EG_1/video.mp4', 'temp/EG_1/video.mp4'],
    ['temp//EG_1/./video.mp4', 'temp/EG_1/video.mp4'],
    ['temp/a/../EG_1/video.mp4', 'temp/EG_1/video.mp4'],
    ['/temp/EG_1/video.mp4', '/temp/EG_1/video.mp4'],
    ['standup/video.mp4', 'temp/standup/video.mp4'],
    ['temp/100% + a#b?c "d" é 录像 🎥.mp4', 'temp/100% + a#b?c "d" é 录像 🎥.mp4'],
  ])('look for %s first at %s', (path, first) => {
    expect(tempKeys(path, 'temp/')[0]).toBe(first)
  })

  it('try the other spelling of a name', () => {
    const decomposed = 'temp/caf\u0065\u0301.mp4'
    expect(tempKeys(decomposed, 'temp/')).toContain('temp/caf\u00e9.mp4')
    expect(isSameKey(decomposed, 'temp/caf\u00e9.mp4')).toBe(true)
  })
})

describe('names in the final folder', () => {
  it('are unique in a recording, safe and short enough for a key', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 2000 }), { maxLength: 4 }),
        (paths) => {
          const taken = new Set<string>()
          for (const path of paths) {
            const name = freeName(path, taken)
            expect(taken.has(name)).toBe(false)
            expect(name).not.toContain('/')
            if (name.isWellFormed())
              expect(isSafeKey(finalFolder('recordings/', 'EG_1') + name)).toBe(true)
            taken.add(name)
          }
        },
      ),
    )
  })

  it('number a second run before the extension', () => {
    expect(freeName('temp/x/video.mp4', new Set(['video.mp4']))).toBe('video-2.mp4')
  })
})

describe('other keys', () => {
  it('put the manifest beside the file', () => {
    expect(manifestPath('temp/a/video.mp4', 'EG_1')).toBe('temp/a/EG_1.json')
    expect(manifestPath('video.mp4', 'EG_1')).toBe('EG_1.json')
  })

  it('take only egress ids that cannot be a path', () => {
    expect(isEgressId('EG_2aB3cD4eF5gH')).toBe(true)
    for (const id of ['', '..', 'a/b', 'a b', 'é', 'x'.repeat(65)])
      expect(isEgressId(id)).toBe(false)
  })

  it.each(['', '.', '..', 'a/../b', 'a/./b', 'temp/..', 'x'.repeat(1025), 'a\0b', '\ud800'])(
    'refuse %j',
    (key) => {
      expect(isSafeKey(key)).toBe(false)
    },
  )
})
