// What a token leads to: verified, looked up in the catalogue in one read, and remembered for a moment once the recording
// is ready. The token alone decides what can be reached.
import type { Context } from 'hono'
import { readForPlayback } from '../catalog/links.ts'
import { verifyPlaybackToken } from '../playback/token.ts'
import type { PlaybackClaims } from '../playback/token.ts'
import { problem } from '../problem.ts'
import type { AppEnv } from './context.ts'
import { openedKey, playerMemory, rememberedMs, tokenRememberedMs } from './player-memory.ts'
import type { Opened } from './player-memory.ts'
import { refused } from './refused.ts'

export type OpenedLink = Opened & { claims: PlaybackClaims }

/** @throws 403 or 429 for a bad, expired or revoked token, 404 when the recording is not there */
export async function openLink(context: Context<AppEnv>, token: string): Promise<OpenedLink> {
  const claims = await readToken(context, token)
  const opened = await readOpened(context, claims)
  if (opened.isRevoked) throw problem(403, 'link-revoked', 'This link has been revoked.')
  return { ...opened, claims }
}

async function readToken(context: Context<AppEnv>, token: string): Promise<PlaybackClaims> {
  const config = context.get('config')
  const { tokens } = playerMemory(config)
  const nowMs = Date.now()
  const known = tokens.get(token, nowMs)
  if (known !== undefined) {
    if (nowMs < known.expiresAtMs) return known
    throw await refused(context, expired())
  }
  const verified = await verifyPlaybackToken(token, config.playbackSecret)
  if (verified.kind === 'refused') {
    const isExpired = verified.code === 'link-expired'
    const because = isExpired ? expired() : problem(403, verified.code, 'This link is not valid.')
    throw await refused(context, because)
  }
  tokens.set(token, verified.claims, nowMs + tokenRememberedMs)
  return verified.claims
}

function expired() {
  return problem(403, 'link-expired', 'This link has expired.')
}

async function readOpened(
  context: Context<AppEnv>,
  { egressId, linkId }: PlaybackClaims,
): Promise<Opened> {
  const { opened } = playerMemory(context.get('config'))
  const key = openedKey(egressId, linkId)
  const nowMs = Date.now()
  const known = opened.get(key, nowMs)
  if (known !== undefined) return known
  const found = await readForPlayback(context.env.DB, egressId, linkId)
  if (found === null) throw problem(404, 'recording-not-found', 'There is no such recording.')
  const { revokedAtMs = null, maxPlays = null } = found.link ?? {}
  const read = { recording: found.row.recording, maxPlays, isRevoked: revokedAtMs !== null }
  // What is not ready yet is waited for, and what is revoked stays so: neither is asked for often.
  if (read.recording.status === 'ready' && !read.isRevoked) {
    opened.set(key, read, nowMs + rememberedMs)
  }
  return read
}
