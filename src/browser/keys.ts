// The keyboard, wherever the focus is on the page, except where a control has a use of its own for the key.
export function giveKeys(media: HTMLMediaElement): void {
  const by = (seconds: number) => (): void => {
    media.currentTime = Math.max(media.currentTime + seconds, 0)
  }
  const louder = (step: number) => (): void => {
    media.volume = Math.min(Math.max(media.volume + step, 0), 1)
  }
  const toggle = (): void =>
    void (media.paused ? media.play().catch(() => undefined) : media.pause())
  const actions: Record<string, () => void> = {
    ' ': toggle,
    k: toggle,
    ArrowLeft: by(-5),
    ArrowRight: by(5),
    j: by(-10),
    l: by(10),
    ArrowUp: louder(0.1),
    ArrowDown: louder(-0.1),
    m: () => (media.muted = !media.muted),
    f: () => void fullscreen(media),
    Home: () => (media.currentTime = 0),
    End: () => (media.currentTime = media.duration || 0),
  }
  document.addEventListener('keydown', (event) => {
    const { target, altKey, ctrlKey, metaKey } = event
    const isOwn =
      target instanceof Element && target.closest('button, a, input, video, audio') !== null
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const action = actions[key]
    // A focused player knows the space bar and the arrows by itself.
    if (action === undefined || altKey || ctrlKey || metaKey || (isOwn && !/^[jklmf]$/.test(key)))
      return
    event.preventDefault()
    action()
  })
}

async function fullscreen(media: HTMLMediaElement): Promise<void> {
  if (document.fullscreenElement !== null) await document.exitFullscreen()
  else await media.requestFullscreen?.().catch(() => undefined)
}
