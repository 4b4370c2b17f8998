// Recordings of many files, as LiveKit leaves them in the temp folder: playlists with their segments, images. And what a
// viewer and a reader of the bucket see of them.
import { expect } from 'vitest'
import { egressEvent } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { segmentsInfo } from '../egress-files.ts'
import { put } from './bucket-safety.ts'
import { recordedNow, ring } from './clock.ts'
import { keysUnder } from './outside.ts'
import { asAdmin, request } from './story.ts'

export { playlistText, segmentNames, segmentsInfo } from '../egress-files.ts'

export const finalFolder = (story: Recorded): string => `recordings/${story.egressId}/`
export const tempFolder = (story: Recorded): string => `tmp/${story.egressId}/`

/** A recording whose only output is a playlist. */
export function playlistStory(more: Partial<Recorded> = {}): Recorded {
  const story = recordedNow(more)
  return { ...story, filename: more.filename ?? `${tempFolder(story)}index.m3u8` }
}

export const bytesOf = (name: string, run = 1): string => `bytes ${run} of ${name};`.repeat(20)

/** Puts segments beside the playlist, some at a time. */
export async function putSegments(folder: string, names: string[], run = 1): Promise<void> {
  for (let at = 0; at < names.length; at += 20) {
    const some = names.slice(at, at + 20)
    await Promise.all(some.map(async (name) => put(`${folder}${name}`, bytesOf(name, run))))
  }
}

/** The end of an egress that wrote a playlist. */
export function playlistEnded(
  story: Recorded,
  more: Record<string, unknown> = {},
  status = 'EGRESS_COMPLETE',
) {
  return egressEvent('egress_ended', status, story, {
    fileResults: [],
    segmentResults: [segmentsInfo(story)],
    ...more,
  })
}

/** Rings alarm after alarm until there is nothing to do; `seen` is told of each. */
export async function ringUntilQuiet(
  story: Recorded,
  seen: () => Promise<void> = async () => {},
): Promise<void> {
  for (let rings = 0; rings < 2000 && (await ring(story.egressId)); rings += 1) await seen()
}

/** Whoever sees a playlist in the final folder sees the segments that it names. */
export async function expectWholeWhereListed(
  story: Recorded,
  playlists: string[],
  names: string[],
): Promise<void> {
  const keys = new Set(await keysUnder(finalFolder(story)))
  if (!playlists.some((name) => keys.has(`${finalFolder(story)}${name}`))) return
  const lacking = names.filter((name) => !keys.has(`${finalFolder(story)}${name}`))
  expect(lacking, 'segments that a visible playlist names').toEqual([])
}

export async function linkTo(
  story: Recorded,
  order: Record<string, unknown> = {},
): Promise<string> {
  const made = await asAdmin(`/v1/recordings/${story.egressId}/links`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  })
  const { url } = await made.json<{ url: string }>()
  return new URL(url).pathname
}

export interface Played {
  text: string
  /** What a player gets of each entry, by its address; `null` for a gap. */
  bytes: Map<string, string | null>
}

/** Plays a link as a player does: follows it to its playlist, reads the addresses in it and loads each. */
export async function play(path: string): Promise<Played> {
  const first = await request(path)
  expect(first.status, await first.clone().text()).toBe(302)
  const at = new URL(first.headers.get('location') ?? '', `https://roomtape.test${path}`)
  return readPlaylistAt(at)
}

export async function readPlaylistAt(at: URL): Promise<Played> {
  const answer = await request(at.pathname)
  const text = await answer.text()
  expect(answer.status, text).toBe(200)
  const bytes = new Map<string, string | null>()
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue
    if (lines[index - 1] === '#EXT-X-GAP') bytes.set(line, null)
    else bytes.set(line, await loaded(new URL(line, at)))
  }
  return { text, bytes }
}

async function loaded(address: URL): Promise<string> {
  const redirect = await request(address.pathname)
  expect(redirect.status, address.pathname).toBe(302)
  return (await fetch(redirect.headers.get('location') ?? '')).text()
}
