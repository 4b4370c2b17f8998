// The watch page in the browser: plays HLS where the browser cannot, goes on after a URL has expired, tells of what does not
// load, waits for what is not ready, and gives the keyboard to the player. Without it the page still plays what the browser
// can play by itself.
import { isHls, loadInto } from './source.ts'
import { giveKeys } from './keys.ts'
import { askFailure, askState, waits } from './state.ts'

const player = document.querySelector<HTMLMediaElement>('video, audio')
const alertBox = document.querySelector<HTMLElement>('.alert')
/** A second failure within this time is not the end of a URL's life. */
const onceInMs = 15_000
let triedAgainAtMs = 0

for (const time of document.querySelectorAll('time')) {
  const at = new Date(time.dateTime)
  time.textContent = at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  time.title = at.toISOString()
}

if (player !== null) start(player)
if (waits()) void wait()

function start(media: HTMLMediaElement): void {
  let playing = { address: media.dataset['src'] ?? '', type: media.dataset['type'] ?? '' }
  const failed = (): void => void onFailure(media, playing)
  giveKeys(media)
  media.addEventListener('error', failed)
  media.querySelector('source')?.addEventListener('error', failed)
  if (isHls(playing.type)) void loadInto(media, playing, failed)
  media.addEventListener('playing', () => alertBox?.toggleAttribute('hidden', true))
  alertBox?.querySelector('button')?.addEventListener('click', () => void resume(media, playing))
  const buttons = document.querySelectorAll<HTMLButtonElement>('.files button')
  for (const button of buttons) {
    button.addEventListener('click', () => {
      playing = { address: button.dataset['src'] ?? '', type: button.dataset['type'] ?? '' }
      for (const other of buttons) other.setAttribute('aria-current', String(other === button))
      const download = document.querySelector<HTMLAnchorElement>('a.button')
      download?.toggleAttribute('hidden', isHls(playing.type))
      if (download !== null) download.href = `${playing.address}?download=1`
      void loadInto(media, playing, failed).then(async () => media.play().catch(() => undefined))
    })
  }
}

interface Playing {
  address: string
  type: string
}

/** A presigned URL ends while somebody watches: the link gives a new one. What fails again is looked into. */
async function onFailure(media: HTMLMediaElement, playing: Playing): Promise<void> {
  const nowMs = Date.now()
  if (media.currentTime > 0 && nowMs - triedAgainAtMs > onceInMs) {
    triedAgainAtMs = nowMs
    await resume(media, playing)
    return
  }
  const view = await askFailure()
  if (view !== null && view.view !== document.body.dataset['view']) location.reload()
  else alertBox?.toggleAttribute('hidden', false)
}

async function resume(media: HTMLMediaElement, playing: Playing): Promise<void> {
  const atSeconds = media.currentTime
  alertBox?.toggleAttribute('hidden', true)
  await loadInto(media, playing, () => void onFailure(media, playing))
  media.currentTime = atSeconds
  await media.play().catch(() => undefined)
}

async function wait(): Promise<void> {
  for (;;) {
    const view = await askState()
    if (view === null) continue
    const shown = document.body.dataset['view']
    // A live player goes on to its end; the page turns when there is something else to see.
    const isOver =
      shown === 'live' ? /^(play|failed|deleted)$/.test(view.view) : view.view !== shown
    if (isOver) {
      location.reload()
      return
    }
    const heading = document.querySelector('.note h2')
    const message = document.querySelector('.note p')
    const bar = document.querySelector('progress')
    if (heading !== null && heading.textContent !== view.heading) heading.textContent = view.heading
    if (message !== null && message.textContent !== view.message) message.textContent = view.message
    if (bar !== null && view.progress !== null) bar.value = view.progress
  }
}
