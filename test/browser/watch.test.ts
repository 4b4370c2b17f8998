// The watch page in a real browser: it plays MP4 and HLS, seeks to the end, loads a second time from the cache, turns into
// the player when a recording is ready, and has words for everything else. Runs where Chromium is installed; the pictures
// lie in test-results/ to be looked at.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContext, Page, Response } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDevServer } from '../../scripts/dev-server.ts'
import type { DevServer } from '../../scripts/dev-server.ts'
import { windowMs } from '../../src/playback/life.ts'
import { signPlaybackToken } from '../../src/playback/token.ts'
import { chromiumPath } from '../chromium.ts'
import { freePort } from '../free-port.ts'
import { Stories } from './stories.ts'

const port = await freePort()
/** In the page: what runs there is text, because here there is no document. */
const video = "document.querySelector('video')"
let server: DevServer
let browser: Browser
let context: BrowserContext
let stories: Stories
let stateFolder: string

beforeAll(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'roomtape-'))
  const signal = new AbortController().signal
  server = await startDevServer({ port, persistTo: stateFolder, signal })
  stories = await Stories.at(server.url, port)
  await mkdir('test-results', { recursive: true })
  browser = await chromium.launch({
    executablePath: chromiumPath() ?? '',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
    ],
  })
  context = await browser.newContext({ viewport: { width: 1100, height: 860 } })
})

afterAll(async () => {
  await browser?.close()
  await server?.stop()
  await rm(stateFolder, { recursive: true })
})

interface Opened {
  page: Page
  complaints: string[]
  responses: Response[]
  /** Each answer of the store: whether the browser had it in its cache. */
  cached: boolean[]
}

async function open(url: string): Promise<Opened> {
  const page = await context.newPage()
  const complaints: string[] = []
  const responses: Response[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('response', (response) => responses.push(response))
  // What the browser's own network log says; sizes of cached answers are told as if they had been loaded.
  const cached: boolean[] = []
  const log = await context.newCDPSession(page)
  log.on('Network.responseReceived', ({ response }) => {
    if (response.url.includes('X-Amz-Signature')) cached.push(response.fromDiskCache === true)
  })
  await log.send('Network.enable')
  await page.goto(url)
  return { page, complaints, responses, cached }
}

/** Waits from outside: the page allows no script of others. */
async function until(page: Page, condition: string): Promise<void> {
  const holds = async () => page.evaluate(condition).catch(() => false)
  await expect.poll(holds, { timeout: 30_000 }).toBe(true)
}

async function playToTheEnd(page: Page): Promise<void> {
  // Before the player has taken the video over, playing would be interrupted by its loading.
  await until(page, `${video}.readyState >= 1`)
  await page.evaluate(`${video}.play()`)
  await until(page, `${video}.currentTime > 0.5`)
  expect(await page.evaluate(`${video}.duration`)).toBeGreaterThan(8)
  await page.evaluate(`${video}.currentTime = ${video}.duration - 0.2`)
  await until(page, `${video}.ended`)
}

/** The same page on a desktop and a phone, in a bright and a dark room. */
async function picture(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const [device, width, height] of [
      ['desktop', 1100, 860],
      ['phone', 390, 760],
    ] as const) {
      await page.setViewportSize({ width, height })
      const root = 'document.documentElement'
      expect(await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`)).toBe(0)
      await page.screenshot({ path: `test-results/watch-${name}-${device}-${colorScheme}.png` })
    }
  }
}

describe('the watch page', () => {
  it('plays an MP4, seeks to its end, complains of nothing, and plays again from the cache', async () => {
    const { egressId } = await stories.video('Team standup')
    const { watchUrl } = await stories.link(egressId, { download: true })
    // Both plays in one window, or the second one has another URL.
    const leftMs = () => windowMs - (Date.now() % windowMs)
    await expect.poll(leftMs, { timeout: 30_000 }).toBeGreaterThan(20_000)
    const { page, complaints, cached } = await open(watchUrl)
    await playToTheEnd(page)
    expect(cached).toContain(false)
    await page.evaluate(`${video}.currentTime = 3`)
    await until(page, `${video}.currentTime >= 3 && ${video}.readyState >= 2`)
    await picture(page, 'play')
    expect(complaints).toEqual([])
    await page.close()

    const again = await open(watchUrl)
    await playToTheEnd(again.page)
    expect(again.cached).toContain(true)
    expect(again.cached).not.toContain(false)
    await again.page.close()
  })

  it('P2: says so when the file is gone', async () => {
    const { egressId } = await stories.video('Lost and found')
    const { watchUrl } = await stories.link(egressId)
    const key = `recordings/${egressId}/video.mp4`
    await stories.remove(key)
    const { page } = await open(watchUrl)
    await expect
      .poll(async () => page.locator('body').innerText(), { timeout: 20_000 })
      .toContain('not there any more')
    await picture(page, 'missing')
    const recording = await stories.api<{ attention: string }>(`/v1/recordings/${egressId}`)
    expect(recording.attention).toBe('missing')
    await page.close()
  })

  it('plays HLS by the player from our own assets, and seeks to its end', async () => {
    const { egressId } = await stories.playlist('Town hall')
    const { watchUrl } = await stories.link(egressId)
    const { page, complaints, responses } = await open(watchUrl)
    await playToTheEnd(page)
    expect(responses.some((response) => response.url().includes('/assets/hls-'))).toBe(true)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('plays a recording that is still running, from its live playlist', async () => {
    const { egressId } = await stories.live('Live now')
    const { watchUrl } = await stories.link(egressId)
    const { page } = await open(watchUrl)
    await page.evaluate(`${video}.play()`)
    await until(page, `${video}.currentTime > 0.5`)
    expect(await page.locator('.live').innerText()).toBe('LIVE')
    await picture(page, 'live')
    await page.close()
  })

  it('waits for a recording that is still running, and turns into the player when it is ready', async () => {
    const story = await stories.running('Design review')
    const { watchUrl } = await stories.link(story.egressId)
    const { page, complaints } = await open(watchUrl)
    expect(await page.locator('.note').innerText()).toContain('still running')
    await picture(page, 'waiting')
    const file = new Uint8Array(await readFile('demo/recording.mp4'))
    await stories.upload(story.filename, file, 'video/mp4')
    await stories.tell(stories.ended({ ...story, sizeBytes: file.length, endedAtMs: Date.now() }))
    await until(page, `${video} !== null && ${video}.readyState >= 1`)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('gives the keyboard to the player', async () => {
    const { egressId } = await stories.video('Keys')
    const { page } = await open((await stories.link(egressId)).watchUrl)
    await until(page, `${video}.readyState >= 1`)
    await page.keyboard.press('k')
    await until(page, `!${video}.paused`)
    await page.keyboard.press('Space')
    await until(page, `${video}.paused`)
    await page.keyboard.press('l')
    await until(page, `${video}.currentTime > 5`)
    await page.keyboard.press('m')
    await until(page, `${video}.muted`)
    await page.close()
  })

  it('has words for links and recordings that do not play', async () => {
    const { egressId } = await stories.video('Words')
    const made = await stories.link(egressId)
    const expired = await signPlaybackToken(
      { egressId, expiresAtMs: Date.now() - 60_000, linkId: null, download: false, viewer: null },
      stories.playbackSecret,
    )
    const capped = await stories.link(egressId, { maxPlays: 1 })
    await fetch(capped.url, { redirect: 'manual' })
    const revoked = await stories.link(egressId)
    await stories.api(`/v1/links/${revoked.linkId}`, { method: 'DELETE' })
    const failed = await stories.failed('Never began')
    const words: [string, string, string][] = [
      ['invalid', `${made.watchUrl.slice(0, -3)}abc`, 'not valid'],
      ['expired', `${server.url}/watch/${expired}`, 'expired'],
      ['used-up', capped.watchUrl, 'used up'],
      ['revoked', revoked.watchUrl, 'revoked'],
      ['failed', (await stories.link(failed.egressId)).watchUrl, 'never started'],
    ]
    for (const [name, url, text] of words) {
      const { page } = await open(url)
      expect(await page.locator('body').innerText()).toContain(text)
      await picture(page, name)
      await page.close()
    }
  })
})
