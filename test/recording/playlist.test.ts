// Playlists as LiveKit writes them, and as anybody else might. Exists for names that lead out of the recording's folder.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSafeKey } from '../../src/recording/keys.ts'
import { isRelative, playableText, readPlaylist } from '../../src/recording/playlist.ts'

const text = `#EXTM3U
#EXT-X-VERSION:4
#EXTINF:6
seg_00000.ts
#EXTINF:6
seg_00001.ts
`
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom('..', '.', '', 'a.ts', 'https:', '%2e%2e', '\\', '..\\', '#', '?x', ' '),
      {
        maxLength: 5,
      },
    )
    .map((parts) => parts.join('/')),
)

describe('a playlist', () => {
  it('names its segments in order, each once, whatever ends its lines', () => {
    const twice = `${text}seg_00000.ts\n`.replaceAll('\n', '\r\n')
    expect(readPlaylist(twice)).toEqual({
      segments: ['seg_00000.ts', 'seg_00001.ts'],
      isClosed: false,
      isOfAll: false,
    })
    expect(readPlaylist(`${text}#EXT-X-ENDLIST`).isClosed).toBe(true)
  })

  it.each([
    ['#EXT-X-PLAYLIST-TYPE:EVENT', true],
    ['#EXT-X-PLAYLIST-TYPE:VOD\r', true],
    ['#EXT-X-MEDIA-SEQUENCE:12', false],
  ])('with %j is one of all segments: %s', (line, isOfAll) => {
    expect(readPlaylist(`#EXTM3U\n${line}\nseg_00000.ts\n`).isOfAll).toBe(isOfAll)
  })

  it('names the file that its segments begin with, and a file of many ranges once', () => {
    const list = `#EXTM3U
#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@0"
#EXTINF:6
#EXT-X-BYTERANGE:1000@720
all.m4s
#EXT-X-BYTERANGE:1000
all.m4s
#EXT-X-MAP:BYTERANGE="720@0",URI="../others/init.mp4"
#EXT-X-ENDLIST`
    expect(readPlaylist(list).segments).toEqual(['init.mp4', 'all.m4s'])
  })

  it.each([
    '../a.ts',
    'a/../b.ts',
    '/a.ts',
    'https://x.example/a.ts',
    './a.ts',
    'a//b.ts',
    '..\\a.ts',
  ])('has no segment of ours at %s', (name) =>
    expect(readPlaylist(`${text}${name}\n`).segments).not.toContain(name),
  )

  it('never yields a name that leads out, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.array(hostile), (lines) => {
        for (const name of readPlaylist(lines.join('\n')).segments) {
          const { origin, pathname } = new URL(
            name.split('/').map(encodeURIComponent).join('/'),
            'https://store.example/recordings/EG_test/',
          )
          expect(origin).toBe('https://store.example')
          expect(pathname.startsWith('/recordings/EG_test/')).toBe(true)
          if (isSafeKey(`recordings/EG_test/${name}`)) expect(isRelative(name)).toBe(true)
        }
      }),
    )
  })
})

describe('a playlist for a player', () => {
  it('has an end, gaps where segments are missing, and addresses instead of names', () => {
    const raw = `${text}#EXTINF:6\nroom #1 100%.ts\n`
    expect(
      playableText(raw, new Set(['seg_00001.ts']))
        .split('\n')
        .slice(2),
    ).toEqual([
      '#EXTINF:6',
      'seg_00000.ts',
      '#EXTINF:6',
      '#EXT-X-GAP',
      'seg_00001.ts',
      '#EXTINF:6',
      'room%20%231%20100%25.ts',
      '#EXT-X-ENDLIST',
      '',
    ])
  })

  it('is the same text where nothing is amiss', () => {
    const whole = `${text}#EXT-X-ENDLIST\n`
    expect(playableText(whole, new Set())).toBe(whole)
  })

  it('leads nowhere but beside itself, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.array(hostile), (lines) => {
        for (const line of playableText(lines.join('\n'), new Set()).split('\n')) {
          if (line === '' || line.startsWith('#')) continue
          const { origin, pathname } = new URL(line, 'https://roomtape.example/play/token/x.m3u8')
          expect(origin).toBe('https://roomtape.example')
          expect(pathname.startsWith('/play/token/')).toBe(true)
        }
      }),
    )
  })
})
