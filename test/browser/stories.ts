// Recordings in a Worker that runs for the browser: put into its own bucket and told by signed webhooks, as LiveKit does it.
import { readFile, readdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { expect } from 'vitest'
import { movedSettings } from '../../scripts/dev-server.ts'
import { readVarsFile } from '../../scripts/vars-file.ts'
import { readWranglerConfig } from '../../scripts/wrangler-config.ts'
import { readConfig } from '../../src/config.ts'
import type { Config } from '../../src/config.ts'
import { S3 } from '../../src/storage/s3.ts'
import { egressEvent, signed, uploaded } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'

const hls = resolve(import.meta.dirname, 'hls')

export class Stories {
  readonly #url: string
  readonly #config: Config
  readonly #store: S3

  private constructor(url: string, config: Config) {
    this.#url = url
    this.#config = config
    this.#store = new S3(config.storage)
  }

  static async at(url: string, port: number): Promise<Stories> {
    const vars = (await readVarsFile('.dev.vars')) ?? {}
    const settings = { ...readWranglerConfig().vars, ...vars, ...movedSettings(port, vars) }
    return new Stories(url, readConfig(settings))
  }

  get playbackSecret(): string {
    return this.#config.playbackSecret
  }

  recorded(name: string, extension: string): Recorded {
    const egressId = `EG_${name.replaceAll(' ', '')}${Date.now().toString(36)}`
    const endedAtMs = Date.now() - 1_000
    const filename = `temp/${egressId}/${extension === 'm3u8' ? 'index' : 'video'}.${extension}`
    const about = { egressId, roomName: name, filename, sizeBytes: 0 }
    return { ...about, startedAtMs: endedAtMs - 9_000, endedAtMs }
  }

  async upload(key: string, body: Uint8Array<ArrayBuffer> | string, type: string): Promise<void> {
    const headers = { 'content-type': type }
    const answer = await this.#store.requests.send({ method: 'PUT', key, body, headers })
    expect(answer.status).toBe(200)
    await answer.arrayBuffer()
  }

  async remove(key: string): Promise<void> {
    await (await this.#store.requests.send({ method: 'DELETE', key })).arrayBuffer()
  }

  async tell(event: unknown): Promise<void> {
    const { apiKey, apiSecret } = this.#config.livekit
    const { body, headers } = await signed(event, apiKey, apiSecret)
    const answer = await fetch(`${this.#url}/webhooks/livekit`, { method: 'POST', body, headers })
    expect(answer.status, await answer.text()).toBe(200)
  }

  async api<T>(path: string, init: RequestInit = {}): Promise<T> {
    const headers = {
      authorization: `Bearer ${this.#config.adminToken}`,
      'content-type': 'application/json',
    }
    const answer = await fetch(`${this.#url}${path}`, { ...init, headers })
    expect(answer.ok, `${path}: ${answer.status}`).toBe(true)
    return answer.status === 204 ? (null as T) : answer.json<T>()
  }

  async link(egressId: string, wanted: Record<string, unknown> = {}): Promise<Link> {
    const body = JSON.stringify(wanted)
    return this.api(`/v1/recordings/${egressId}/links`, { method: 'POST', body })
  }

  async untilStatus(egressId: string, status: string): Promise<void> {
    const read = async () =>
      (await this.api<{ status: string }>(`/v1/recordings/${egressId}`)).status
    await expect.poll(read, { timeout: 30_000, interval: 100 }).toBe(status)
  }

  /** A ready recording of one MP4. */
  async video(name: string): Promise<Recorded> {
    const file = new Uint8Array(await readFile(resolve(hls, '../../../demo/recording.mp4')))
    const story = { ...this.recorded(name, 'mp4'), sizeBytes: file.length }
    await this.upload(story.filename, file, 'video/mp4')
    await this.tell(egressEvent('egress_ended', 'EGRESS_COMPLETE', story))
    await this.untilStatus(story.egressId, 'ready')
    return story
  }

  /** A playlist and its segments in the temp folder. */
  async putSegments(story: Recorded): Promise<void> {
    const folder = story.filename.slice(0, story.filename.lastIndexOf('/') + 1)
    for (const name of (await readdir(hls)).filter((one) => one.endsWith('.mp2t'))) {
      const bytes = new Uint8Array(await readFile(resolve(hls, name)))
      // Under its own name it would be taken for TypeScript here.
      await this.upload(`${folder}${name.replace('.mp2t', '.ts')}`, bytes, 'video/mp2t')
    }
  }

  async playlistText(): Promise<string> {
    return readFile(resolve(hls, 'index.m3u8'), 'utf8')
  }

  /** A ready recording of one playlist. */
  async playlist(name: string): Promise<Recorded> {
    const story = this.recorded(name, 'm3u8')
    await this.putSegments(story)
    await this.upload(story.filename, await this.playlistText(), 'application/x-mpegurl')
    await this.tell(
      egressEvent('egress_ended', 'EGRESS_COMPLETE', story, {
        fileResults: [],
        segmentResults: [
          { playlistName: story.filename, playlistLocation: 'there', segmentCount: '3' },
        ],
      }),
    )
    await this.untilStatus(story.egressId, 'ready')
    return story
  }

  /** A recording that runs, with a live playlist. */
  async live(name: string): Promise<Recorded> {
    const story = this.recorded(name, 'm3u8')
    const livePlaylistName = story.filename.replace('index', 'live')
    await this.putSegments(story)
    const text = (await this.playlistText()).replace('#EXT-X-ENDLIST\n', '')
    await this.upload(
      livePlaylistName,
      text.replace(/#EXT-X-PLAYLIST-TYPE.*\n/, ''),
      'application/x-mpegurl',
    )
    const segmentResults = [{ playlistName: story.filename, livePlaylistName }]
    const more = { fileResults: [], segmentResults }
    await this.tell(egressEvent('egress_updated', 'EGRESS_ACTIVE', story, more))
    await this.untilStatus(story.egressId, 'active')
    return story
  }

  /** A recording that runs, of one MP4. */
  async running(name: string): Promise<Recorded> {
    const story = this.recorded(name, 'mp4')
    await this.tell(egressEvent('egress_updated', 'EGRESS_ACTIVE', story))
    await this.untilStatus(story.egressId, 'active')
    return story
  }

  async failed(name: string): Promise<Recorded> {
    const story = this.recorded(name, 'mp4')
    const more = { error: 'Start signal not received', fileResults: [] }
    await this.tell(egressEvent('egress_ended', 'EGRESS_ABORTED', story, more))
    await this.untilStatus(story.egressId, 'aborted')
    return story
  }

  /** What LiveKit says of an uploaded file. */
  ended(story: Recorded): Record<string, unknown> {
    return egressEvent('egress_ended', 'EGRESS_COMPLETE', story, { fileResults: [uploaded(story)] })
  }
}

export interface Link {
  linkId: string
  url: string
  watchUrl: string
}
