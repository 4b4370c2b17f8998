// The name of a download: what a person sees in the folder where it lands.
import { expect, it } from 'vitest'
import { downloadName } from '../../src/recording/download-name.ts'
import type { Named } from '../../src/recording/download-name.ts'

const startedAtMs = Date.parse('2026-01-01T00:00:00Z')
const standup: Named = { title: null, roomName: 'standup', startedAtMs, createdAtMs: startedAtMs }

function named(name: string, more: Partial<Named> = {}): string {
  return downloadName({ ...standup, ...more }, { name, kind: 'video' })
}

it('is the room and the time, with the extension of the file', () => {
  expect(named('video.mp4')).toBe('standup 2026-01-01 00.00.mp4')
})

it('has no extension where the file has none, and nothing of its name', () => {
  expect(named('recording')).toBe('standup 2026-01-01 00.00')
})

it('is the title where there is one, in any script, without what file systems forbid', () => {
  expect(named('a.mp4', { title: '周会 🎉 a/b\\c:d"e\r\n' })).toBe(
    '周会 🎉 a b c d e 2026-01-01 00.00.mp4',
  )
})

it('is made of something when nobody ever named it', () => {
  const more = { roomName: '///', startedAtMs: null }
  expect(named('a.ogg', more)).toBe('Recording 2026-01-01 00.00.ogg')
})

it('of a list, an image or a manifest is LiveKit’s own', () => {
  expect(downloadName(standup, { name: 'index.m3u8', kind: 'playlist' })).toBe('index.m3u8')
})
