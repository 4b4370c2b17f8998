// Names and folders of a start. Exists for names that people choose: they must never leave the start's folder, be filled in
// by LiveKit, lose their end, or meet each other.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSafeKey } from '../../src/recording/keys.ts'
import {
  cleanName,
  fileTypeOf,
  findStartId,
  hasFile,
  startIdOf,
  startNameOf,
  startPaths,
} from '../../src/recording/start.ts'
import type { StartOrder } from '../../src/recording/start.ts'

const startId = 'ST_0123456789abcdef01234567'
const folder = `temp/${startId}/`

const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('..', '.', '../../x', '{room_name}', 'a/b', 'a\\b', '.hidden', 'x.mp4', 'live'),
  fc.string({ unit: fc.constantFrom('.', '/', '{', '}', ' ', 'a', 'é', 'e\u0301', '\u202e') }),
)

describe('the name of a file', () => {
  it.each([
    ['Monday standup', 'Monday standup'],
    ['Monday.mp4', 'Monday'],
    ['team.v2', 'team_v2'],
    ['../../etc/passwd', '-__-etc-passwd'],
    ['{room_name}-{time}', '-room_name---time-'],
    ['会议记录', '会议记录'],
    ['cafe\u0301', 'café'],
    ['..', 'video'],
    ['  ', 'video'],
    ['', 'video'],
    ['a\u0000b\u202ec', 'abc'],
  ])('%j becomes %j', (name, cleaned) => {
    expect(cleanName(name, 'video')).toBe(cleaned)
  })

  it('is one safe segment whatever somebody wrote, and the same when cleaned again', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const cleaned = cleanName(name, 'video')
        expect(cleaned).not.toMatch(/[/\\{}.]|^\s|\s$/)
        expect(cleaned).toBe(cleaned.normalize('NFC'))
        expect(isSafeKey(`${folder}${cleaned}.mp4`)).toBe(true)
        expect(cleanName(cleaned, 'video')).toBe(cleaned)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the paths of a start', () => {
  it('lie in its own folder, and their names do not meet in the recording’s', () => {
    fc.assert(
      fc.property(
        anyName,
        anyName,
        fc.constantFrom('MP4', 'OGG', 'MP3', undefined),
        (a, b, fileType) => {
          const order: StartOrder = {
            type: 'room_composite',
            roomName: '../../x',
            file: { name: a, fileType },
            segments: { name: b, live: true },
            images: {},
          }
          const { file, playlist, livePlaylist, segments, images } = startPaths(
            order,
            'temp/',
            startId,
          )
          const paths = [
            file,
            playlist,
            livePlaylist,
            `${segments}_00000.ts`,
            `${images}_00000.jpeg`,
          ]
          for (const path of paths) expect(path?.startsWith(folder)).toBe(true)
          const names = paths.map((path) => path?.slice(path.lastIndexOf('/') + 1))
          expect(new Set(names).size).toBe(names.length)
          expect(names.every((name) => findStartId(name ?? '') === null)).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('of one try are not those of the next', () => {
    const second = startIdOf(startId, 2)
    expect(findStartId(`temp/${second}/video.mp4`)).toBe(second)
    expect(startNameOf(second)).toBe(startId)
    expect(startNameOf(startId)).toBe(startId)
  })
})

describe('the file of a start', () => {
  it.each([
    [{}, 'MP4'],
    [{ file: { name: 'a.ogg' } }, 'OGG'],
    [{ file: { name: 'a.ogg', fileType: 'MP4' } }, 'MP4'],
    [{ file: { name: 'a.MP3' } }, 'MP3'],
  ] as const)('%j is of type %s', (order, type) => {
    expect(fileTypeOf({ type: 'room_composite', ...order })).toBe(type)
  })

  it('is there unless something else was asked for instead', () => {
    expect(hasFile({ type: 'web' })).toBe(true)
    expect(hasFile({ type: 'web', images: {} })).toBe(false)
    expect(hasFile({ type: 'web', images: {}, file: {} })).toBe(true)
    expect(hasFile({ type: 'web', streams: { urls: ['rtmp://a'] } })).toBe(false)
  })
})
