// The ETag of a recording: a hash of all that its object says of it. Two answers with one ETag are of one content, wherever
// they were read; when the catalogue got it (`updatedAt`) is no part of it.
import { z } from '@hono/zod-openapi'
import { problem } from '../problem.ts'
import type { Recording } from '../recording/recording.ts'

/** For a route's description: what it answers beside its body. */
export const etagHeader = {
  etag: z.string().optional().openapi({ description: 'For `If-Match` of an edit' }),
}

/** Strong: any change of the recording is another one. */
export async function etagOf(recording: Recording): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify(recording))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', text))
  return `"${btoa(String.fromCharCode(...digest.subarray(0, 15))).replaceAll('/', '_')}"`
}

/**
 * A tag that came back weak is as good: Cloudflare makes them so where it compresses an answer, and the hash is of what the
 * answer says, not of its bytes.
 * @throws 412 when `If-Match` names other contents than this one
 */
export async function assertMatch(header: string | undefined, recording: Recording): Promise<void> {
  if (header === undefined || header.trim() === '*') return
  const etag = await etagOf(recording)
  if (header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) return
  throw problem(412, 'changed-meanwhile', 'The recording is another one by now. Read it again.', {
    etag,
  })
}
