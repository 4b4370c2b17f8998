// Pages in a real browser: the API reference draws itself without any other host and under its own policy, and names that
// strangers choose run nothing. Runs where Chromium is installed; the pictures lie in test-results/ to be looked at.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ensureDevVars, startDevServer } from '../../scripts/dev-server.ts'
import type { DevServer } from '../../scripts/dev-server.ts'
import { signed, wholeLife } from '../egress-events.ts'
import { Bucket } from '../outside/bucket.ts'
import { chromiumPath } from '../chromium.ts'
import { freePort } from '../free-port.ts'

const port = await freePort()
let server: DevServer
let browser: Browser
let stateFolder: string
let vars: Record<string, string>

beforeAll(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'roomtape-'))
  server = await startDevServer({
    port,
    persistTo: stateFolder,
    signal: new AbortController().signal,
  })
  ;({ vars } = await ensureDevVars())
  await mkdir('test-results', { recursive: true })
  browser = await chromium.launch({
    executablePath: chromiumPath() ?? '',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
})

afterAll(async () => {
  await browser.close()
  await server.stop()
  await rm(stateFolder, { recursive: true })
})

interface Opened {
  page: Page
  /** Errors in the console; a policy that was violated is one. */
  complaints: string[]
  /** Hosts that were asked for anything. */
  hosts: Set<string>
  /** What a script of a stranger would do first. */
  dialogs: string[]
}

async function open(path: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 }, colorScheme })
  const opened: Opened = { page, complaints: [], hosts: new Set(), dialogs: [] }
  page.on('console', (message) => {
    if (message.type() === 'error') opened.complaints.push(message.text())
  })
  page.on('pageerror', (error) => opened.complaints.push(error.message))
  page.on('request', (request) => opened.hosts.add(new URL(request.url()).host))
  page.on('dialog', (dialog) => {
    opened.dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  await page.goto(`${server.url}${path}`)
  return opened
}

async function asAdmin<T>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = { authorization: `Bearer ${vars['ADMIN_TOKEN']}` }
  const response = await fetch(`${server.url}${path}`, { ...init, headers })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

/** A link to a ready recording of a room of this name. */
async function linkTo(roomName: string): Promise<string> {
  const egressId = `EG_${crypto.randomUUID().slice(0, 12)}`
  const filename = `temp/${egressId}/video.mp4`
  const bucket = new Bucket({
    endpoint: `http://127.0.0.1:${port}/cdn-cgi/local/r2/s3`,
    bucket: 'recordings',
    accessKeyId: vars['S3_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: vars['S3_SECRET_ACCESS_KEY'] ?? '',
  })
  await bucket.upload(filename, '0123456789')
  const endedAtMs = Date.now() - 1_000
  const times = { startedAtMs: endedAtMs - 60_000, endedAtMs }
  for (const event of wholeLife({ egressId, roomName, filename, sizeBytes: 10, ...times })) {
    const { LIVEKIT_API_KEY = '', LIVEKIT_API_SECRET = '' } = vars
    const { body, headers } = await signed(event, LIVEKIT_API_KEY, LIVEKIT_API_SECRET)
    await fetch(`${server.url}/webhooks/livekit`, { method: 'POST', body, headers })
  }
  const at = `/v1/recordings/${egressId}`
  await expect
    .poll(async () => (await asAdmin<{ status: string }>(at)).status, { timeout: 20_000 })
    .toBe('ready')
  const { watchUrl } = await asAdmin<{ watchUrl: string }>(`${at}/links`, { method: 'POST' })
  return new URL(watchUrl).pathname
}

describe('the API reference', () => {
  it('draws every operation from its own host alone, and breaks no rule of its policy', async () => {
    const { page, complaints, hosts } = await open('/docs')
    const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
      paths: Record<string, object>
    }
    const operations = Object.values(paths).flatMap((methods) => Object.keys(methods)).length
    await expect.poll(() => page.locator('.opblock').count(), { timeout: 20_000 }).toBe(operations)
    await page.screenshot({ path: 'test-results/docs.png' })
    await page.locator('#operations-Keys-createKey button').first().click()
    await expect.poll(() => page.locator('.responses-table').count()).toBe(1)
    await page.locator('#operations-Keys-createKey').scrollIntoViewIfNeeded()
    await page.screenshot({ path: 'test-results/docs-operation.png' })
    expect([...hosts]).toEqual([new URL(server.url).host])
    expect(complaints).toEqual([])
    await page.close()
  })

  it('is readable in a dark room', async () => {
    const { page, complaints } = await open('/docs', 'dark')
    await page.locator('.opblock').first().waitFor()
    const background = await page.evaluate(
      'getComputedStyle(document.documentElement).backgroundColor',
    )
    const channels = String(background).match(/\d+/g)?.slice(0, 3).map(Number) ?? []
    expect(Math.max(...channels)).toBeLessThan(80)
    await page.screenshot({ path: 'test-results/docs-dark.png' })
    expect(complaints).toEqual([])
    await page.close()
  })

  it('tries a request on this Worker, with the bearer that it was given', async () => {
    const { page, complaints } = await open('/docs')
    await page.locator('.btn.authorize').first().click()
    await page.locator('.auth-container input').fill(vars['ADMIN_TOKEN'] ?? '')
    await page.locator('.auth-btn-wrapper .authorize').click()
    await page.locator('.auth-btn-wrapper .btn-done').click()
    await page.locator('#operations-Keys-listKeys button').first().click()
    await page.locator('#operations-Keys-listKeys .try-out__btn').click()
    await page.locator('#operations-Keys-listKeys .execute').click()
    const answer = page.locator(
      '#operations-Keys-listKeys .live-responses-table .response-col_status',
    )
    await expect.poll(() => answer.last().innerText(), { timeout: 20_000 }).toContain('200')
    expect(complaints).toEqual([])
    await page.close()
  })

  it('P3: runs nothing that stands in its address', async () => {
    const markup = encodeURIComponent('<script>alert(1)</script><img src=x onerror=alert(2)>')
    const { page, dialogs } = await open(`/docs?url=${markup}&configUrl=${markup}#/${markup}`)
    await page.locator('.opblock').first().waitFor()
    expect(dialogs).toEqual([])
    await page.close()
  })
})

describe('the watch page', () => {
  it.each([
    ['named with markup', '<script>alert(1)</script><img src=x onerror=alert(2)>'],
    ['4 KB long', 'x'.repeat(4_096)],
  ])('P3: shows a room %s as text', async (_, roomName) => {
    const path = await linkTo(roomName)
    const { page, complaints, dialogs } = await open(path)
    await expect.poll(() => page.locator('h1').innerText()).toBe(roomName)
    expect(await page.title()).toBe(roomName)
    const root = 'document.documentElement'
    expect(await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`)).toBe(0)
    await page.screenshot({ path: `test-results/room-${roomName.length}.png` })
    expect(dialogs).toEqual([])
    // The file is none that plays; a policy that was broken would be told here.
    expect(complaints.filter((words) => words.includes('Content Security Policy'))).toEqual([])
    await page.close()
  })
})
