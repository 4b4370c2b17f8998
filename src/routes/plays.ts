// What counts as one play of a link, for its cap and for the log. A seek is none, a segment is none, and Safari's first
// two bytes belong to the play that follows them.
import type { Context } from 'hono'
import { windowMs } from '../playback/life.ts'
import { problem } from '../problem.ts'
import type { Recording } from '../recording/recording.ts'
import type { AppEnv } from './context.ts'
import type { OpenedLink } from './open-link.ts'

/** `probe`: asks for the first two bytes only, to see whether ranges are answered. `more`: goes on with a play. */
export type Kind = 'new' | 'probe' | 'more' | 'picture'

export function kindOf(request: Request, recording: Recording, name: string | null): Kind {
  const file = recording.files.find((known) => known.name === name)
  // Of many images only the first are listed.
  const isUnlistedImage = file === undefined && /\.(jpe?g|png|webp)$/i.test(name ?? '')
  if (isUnlistedImage || file?.kind === 'image' || file?.kind === 'manifest') return 'picture'
  // A list that is still being written is asked for again with every segment.
  const isPolled = file?.path !== undefined
  if ((name !== null && file === undefined) || isPolled) return 'more'
  const range = request.headers.get('range')
  if (range === 'bytes=0-1') return 'probe'
  return range === null || range.startsWith('bytes=0-') ? 'new' : 'more'
}

/** @throws 403 when the link has been played as often as it may be */
export async function countPlay(
  context: Context<AppEnv>,
  { claims, maxPlays }: OpenedLink,
  kind: Kind,
): Promise<void> {
  if (claims.linkId === null || maxPlays === null || kind === 'picture') return
  if (context.req.method === 'HEAD') return
  const counter = context.env.COUNTER.getByName(`link:${claims.linkId}`)
  // Going on with a play is free for as long as the URL lives that the play was given; without one it is a play.
  const lifeMs = context.get('config').playbackTtlSeconds * 1000 + windowMs
  const isAllowed = await counter.play({ limit: maxPlays, kind, lifeMs })
  if (isAllowed) return
  throw problem(403, 'link-used-up', 'This link has been played as often as it may be.')
}

/** True when a capped link has no play left; one that is going on goes on all the same. */
export async function isUsedUp(
  context: Context<AppEnv>,
  { claims, maxPlays }: OpenedLink,
): Promise<boolean> {
  if (claims.linkId === null || maxPlays === null) return false
  return (await context.env.COUNTER.getByName(`link:${claims.linkId}`).read()) >= maxPlays
}
