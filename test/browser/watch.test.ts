// The demo's recording in a real browser: the watch page plays, seeks to the end and says nothing in the console. Runs where
// Chromium is installed; the pictures lie in test-results/ to be looked at.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDevServer } from '../../scripts/dev-server.ts'
import type { DevServer } from '../../scripts/dev-server.ts'
import { chromiumPath } from '../chromium.ts'

const port = 8931
/** In the page: what runs there is text, because here there is no document. */
const video = "document.querySelector('video')"
let server: DevServer
let browser: Browser
let watchUrl: string
let stateFolder: string

beforeAll(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'roomtape-'))
  server = await startDevServer({
    port,
    persistTo: stateFolder,
    signal: new AbortController().signal,
  })
  const demo = ['scripts/demo.ts', '--once', '--port', String(port)]
  const { stdout } = await promisify(execFile)(process.execPath, demo)
  watchUrl = /^watch\s+(\S+)$/m.exec(stdout)?.[1] ?? ''
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
})

afterAll(async () => {
  await browser.close()
  await server.stop()
  await rm(stateFolder, { recursive: true })
})

async function open(url: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1000, height: 720 } })
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
  return { page, complaints }
}

/** The page allows no script of its own, so the waiting is done from outside. */
async function until(page: Page, condition: string): Promise<void> {
  await expect.poll(() => page.evaluate(condition), { timeout: 20_000 }).toBe(true)
}

describe('the watch page', () => {
  it('plays the recording, seeks to its end and complains of nothing', async () => {
    const { page, complaints } = await open(watchUrl)
    await page.evaluate(`${video}.play()`)
    await until(page, `${video}.currentTime > 1`)
    await page.screenshot({ path: 'test-results/watch.png' })
    expect(await page.evaluate(`${video}.duration`)).toBeGreaterThan(8)
    await page.evaluate(`${video}.currentTime = ${video}.duration - 0.2`)
    await until(page, `${video}.ended`)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('fits a phone and a dark room', async () => {
    const { page, complaints } = await open(watchUrl)
    await page.setViewportSize({ width: 390, height: 700 })
    await page.emulateMedia({ colorScheme: 'dark' })
    await until(page, `${video}.readyState >= 2`)
    const root = 'document.documentElement'
    const overflow = await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`)
    expect(overflow).toBe(0)
    await page.screenshot({ path: 'test-results/watch-phone.png' })
    expect(complaints).toEqual([])
    await page.close()
  })

  it('tells a person, in words, that a link is not valid', async () => {
    const { page } = await open(`${watchUrl.slice(0, -3)}abc`)
    await expect.poll(() => page.locator('body').innerText()).toContain('not valid')
    await page.screenshot({ path: 'test-results/watch-refused.png' })
    await page.close()
  })
})
