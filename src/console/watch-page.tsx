// The watch page: a player, what it plays, and words for everything that is no player. Whatever a stranger may have named
// (a room, a title, a file) is escaped by JSX. No script stands in it, no style attribute, and no address of another host.
import { raw } from 'hono/html'
import { assets } from '../assets.ts'
import { playableFiles, posterOf } from '../playback/view.ts'
import type { View } from '../playback/view.ts'
import { encodeName } from '../recording/keys.ts'
import type { Recording, RecordingFile } from '../recording/recording.ts'
import { watchStyle } from './watch-style.ts'

const hlsType = 'application/vnd.apple.mpegurl'

export interface WatchPage {
  token: string
  view: View
  /** `null` when the link was refused: nothing of the recording is told then. */
  recording: Recording | null
  /** What plays first. */
  file: RecordingFile | null
  mayDownload: boolean
  /** Opening the page must not use up a play. */
  isCapped: boolean
}

export function WatchPage(page: WatchPage) {
  const { token, view, recording } = page
  const title = recording === null ? 'Recording' : titleOf(recording)
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
          <meta name="robots" content="noindex" />
          <meta name="theme-color" content="#f4f5f7" media="(prefers-color-scheme: light)" />
          <meta name="theme-color" content="#0d0f13" media="(prefers-color-scheme: dark)" />
          <title>{title}</title>
          <link rel="icon" href="data:," />
          <style>{raw(watchStyle)}</style>
          <script type="module" src={`../assets/${assets.watch}`} />
        </head>
        <body
          data-view={view.view}
          data-state={`${token}/state`}
          data-failures={`${token}/failures`}
          data-hls={`../assets/${assets.hls}`}
        >
          <main>
            {page.file === null ? <Note view={view} /> : <Stage {...page} file={page.file} />}
            <div class="alert" role="alert" hidden>
              <p>The recording could not be loaded.</p>
              <button class="button" type="button">
                Try again
              </button>
            </div>
            {recording === null ? null : <About {...page} recording={recording} title={title} />}
          </main>
        </body>
      </html>
    </>
  )
}

function Note({ view }: { view: View }) {
  return (
    <section class={`stage note ${view.view}`} role="status">
      {view.view === 'waiting' || view.view === 'processing' ? <Clock /> : <Cross />}
      <h2>{view.heading}</h2>
      <p>{view.message}</p>
      {view.view === 'processing' ? (
        <progress max={1} value={view.progress ?? undefined} aria-label="Progress" />
      ) : null}
    </section>
  )
}

function Stage({ token, view, recording, file, isCapped }: WatchPage & { file: RecordingFile }) {
  const image = recording === null ? null : posterOf(recording)
  const poster = image === null ? undefined : addressOf(token, image)
  const preload = isCapped ? 'none' : 'metadata'
  const address = addressOf(token, file.name)
  const type = typeOf(file)
  // A list is for the script alone: some browsers would try it, and fail.
  const source = type === hlsType ? null : <source src={address} type={type} />
  if (file.kind === 'audio') {
    return (
      <section class="stage sound">
        <Wave />
        <audio controls preload={preload} data-src={address} data-type={type}>
          {source}
        </audio>
      </section>
    )
  }
  return (
    <section class="stage">
      {view.view === 'live' ? <span class="live">LIVE</span> : null}
      <video
        controls
        playsinline
        preload={preload}
        poster={poster}
        data-src={address}
        data-type={type}
      >
        {source}
      </video>
    </section>
  )
}

function About({
  token,
  recording,
  file,
  mayDownload,
  title,
}: WatchPage & { recording: Recording; title: string }) {
  const files = playableFiles(recording)
  const canDownload = mayDownload && file?.state === 'final' && file.kind !== 'playlist'
  return (
    <>
      <header class="head">
        <div>
          <h1>{title}</h1>
          <Facts recording={recording} title={title} isLong={file !== null} />
        </div>
        {canDownload ? (
          <a class="button" href={`${addressOf(token, file.name)}?download=1`} download="">
            <Arrow /> Download
          </a>
        ) : null}
      </header>
      {files.length > 1 ? (
        <ul class="files" aria-label="Files of this recording">
          {files.map((known) => (
            <li>
              <button
                type="button"
                aria-current={known === file ? 'true' : 'false'}
                data-src={addressOf(token, known.name)}
                data-type={typeOf(known)}
                data-kind={known.kind}
              >
                <b>{known.name}</b>
                <span>
                  {[kinds[known.kind], duration(known.durationMs), size(known.sizeBytes)]
                    .filter(Boolean)
                    .join(' · ')}
                </span>
              </button>
            </li>
          ))}
        </ul>
      ) : null}
      {file === null ? null : (
        <p class="keys head">
          <span>
            <kbd>Space</kbd> play or pause &ensp;<kbd>←</kbd> <kbd>→</kbd> 5 seconds &ensp;
            <kbd>J</kbd> <kbd>L</kbd> 10 seconds &ensp;<kbd>M</kbd> sound &ensp;<kbd>F</kbd> full
            screen
          </span>
        </p>
      )}
    </>
  )
}

function Facts({
  recording,
  title,
  isLong,
}: {
  recording: Recording
  title: string
  isLong: boolean
}) {
  const { roomName, startedAtMs, durationMs } = recording
  const startedAt = startedAtMs === null ? null : new Date(startedAtMs)
  const long = isLong ? duration(durationMs) : null
  return (
    <ul class="facts">
      {roomName === null || roomName === title ? null : <li>{roomName}</li>}
      {startedAt === null ? null : (
        <li>
          <time
            datetime={startedAt.toISOString()}
          >{`${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`}</time>
        </li>
      )}
      {long === null ? null : <li>{long}</li>}
    </ul>
  )
}

const kinds: Partial<Record<RecordingFile['kind'], string>> = {
  video: 'Video',
  audio: 'Sound',
  playlist: 'Stream (HLS)',
}

function titleOf({ title, roomName }: Recording): string {
  return title ?? roomName ?? 'Recording'
}

function typeOf({ kind, contentType }: RecordingFile): string {
  return kind === 'playlist' || kind === 'live_playlist' ? hlsType : contentType
}

/** Relative to the page, whose own address ends with the token. */
function addressOf(token: string, name: string): string {
  return `../play/${token}/${encodeName(name)}`
}

function duration(ms: number | null): string | null {
  if (ms === null) return null
  const seconds = Math.round(ms / 1000)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const [hours = 0, minutes = 0, rest = 0] = parts
  return hours > 0
    ? `${hours} h ${minutes} min`
    : minutes > 0
      ? `${minutes} min ${rest} s`
      : `${rest} s`
}

function size(bytes: number | null): string | null {
  if (bytes === null) return null
  return bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} KB`
    : bytes < 1e9
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${(bytes / 1e9).toFixed(2)} GB`
}

const line = {
  fill: 'none',
  stroke: 'currentColor',
  'stroke-width': '1.8',
  'stroke-linecap': 'round',
  'stroke-linejoin': 'round',
} as const

function Clock() {
  return (
    <svg class="pulse" viewBox="0 0 24 24" aria-hidden="true" {...line}>
      <circle cx="12" cy="12" r="9" />
      <path d="M12 7v5l3.5 2" />
    </svg>
  )
}

function Cross() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" {...line}>
      <path d="M10 7.5 15.5 12 10 16.5zM3 3l18 18" />
      <path d="M8.2 3.8A9 9 0 0 1 20.2 15.8M17.8 18.9A9 9 0 0 1 5.1 6.2" />
    </svg>
  )
}

function Wave() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" {...line}>
      <path d="M3 10v4M7.5 6v12M12 3v18M16.5 7v10M21 10v4" />
    </svg>
  )
}

function Arrow() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" {...line} stroke-width="2.2">
      <path d="M12 4v11M7 11l5 5 5-5M5 20h14" />
    </svg>
  )
}
