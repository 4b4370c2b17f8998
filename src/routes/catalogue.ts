// The catalogue as a route reads it: a D1 session, which a replica near the caller may answer once read replication is
// switched on. `x-d1-bookmark` goes to the caller and comes back with the next request, which then sees nothing older.
import type { Context, MiddlewareHandler } from 'hono'
import { z } from '@hono/zod-openapi'
import { problem } from '../problem.ts'
import type { AppEnv } from './context.ts'

const bookmarkHeader = 'x-d1-bookmark'
// Without flags: the document has no place for them.
const bookmark = /^(first-primary|first-unconstrained|[0-9a-fA-F]+(-[0-9a-fA-F]+){0,7})$/
const longestBookmark = 128

/** For a route's description: what it answers beside its body. */
export const bookmarkHeaders = z.object({
  [bookmarkHeader]: z.string().optional().openapi({
    description: 'Send it with the next request, which then sees nothing older than this answer',
  }),
})

/** For a route's description: what it takes. */
export const BookmarkSchema = z.object({
  [bookmarkHeader]: z.string().regex(bookmark).max(longestBookmark).optional().openapi({
    description: 'From an earlier answer; `first-primary` for what is newest',
  }),
})

/** The request's session; every statement through it sees what the ones before saw. */
export function catalogueOf(context: Context<AppEnv>): D1DatabaseSession {
  const known = context.get('catalogue')
  if (known !== undefined) return known
  const given = context.req.header(bookmarkHeader)
  if (given !== undefined && !(given.length <= longestBookmark && bookmark.test(given))) {
    throw problem(400, 'bad-request', `${bookmarkHeader}: this is no bookmark.`)
  }
  const session = context.env.DB.withSession(given ?? 'first-unconstrained')
  context.set('catalogue', session)
  return session
}

/** Tells the caller how new what was read is. */
export const tellBookmark: MiddlewareHandler<AppEnv> = async (context, next) => {
  await next()
  const newest = context.get('catalogue')?.getBookmark()
  if (newest) context.header(bookmarkHeader, newest)
}
