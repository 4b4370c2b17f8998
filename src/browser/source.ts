// Puts an address into a player. HLS is played by Apple's browsers themselves, and by hls.js elsewhere, loaded only then:
// Chromium says that it can play HLS, and fails at MPEG-TS behind a redirect.
import type Hls from 'hls.js'

const hlsType = 'application/vnd.apple.mpegurl'
let hls: Hls | null = null

export function isHls(type: string): boolean {
  return type === hlsType
}

function playsHlsItself(media: HTMLMediaElement): boolean {
  const isApple = navigator.vendor.startsWith('Apple') || !('MediaSource' in window)
  return isApple && media.canPlayType(hlsType) !== ''
}

export async function loadInto(
  media: HTMLMediaElement,
  { address, type }: { address: string; type: string },
  failed: () => void,
): Promise<void> {
  hls?.destroy()
  hls = null
  if (!isHls(type) || playsHlsItself(media)) {
    if (media.currentSrc !== address || media.error !== null) {
      media.src = address
      media.load()
    }
    return
  }
  const { default: Player } = (await import(
    new URL(document.body.dataset['hls'] ?? '', location.href).href
  )) as { default: typeof Hls }
  if (!Player.isSupported()) {
    failed()
    return
  }
  const isLazy = media.preload === 'none'
  const player = new Player({ enableWorker: false, autoStartLoad: !isLazy })
  hls = player
  player.on(Player.Events.ERROR, (_, { fatal, type: kind }) => {
    if (!fatal) return
    if (kind === Player.ErrorTypes.MEDIA_ERROR) player.recoverMediaError()
    else failed()
  })
  const load = (): void => player.loadSource(address)
  player.attachMedia(media)
  if (!isLazy) load()
  // Opening the page must not use up a play.
  else
    media.addEventListener(
      'play',
      () => {
        load()
        player.startLoad()
      },
      { once: true },
    )
}
