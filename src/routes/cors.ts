// Players on other origins: who may read what a link leads to. The token in the link is the protection, and no cookie is
// read, so that by default every origin may. Said before anything else, so that a refusal can be read as well.
import type { Context } from 'hono'
import type { AppEnv } from './context.ts'

const exposed = 'content-length, content-range, content-disposition, etag, accept-ranges'

export function allowPlayers(context: Context<AppEnv>): void {
  const { corsOrigins } = context.get('config')
  if (corsOrigins === '*') context.header('access-control-allow-origin', '*')
  else {
    context.header('vary', 'origin')
    const origin = context.req.header('origin')
    if (origin === undefined || !corsOrigins.has(origin)) return
    context.header('access-control-allow-origin', origin)
  }
  context.header('access-control-expose-headers', exposed)
}

/** Answers a browser that asks before it asks. */
export function answerPreflight(context: Context<AppEnv>): Response {
  allowPlayers(context)
  context.header('access-control-allow-methods', 'GET, HEAD')
  context.header('access-control-allow-headers', 'range, if-range, if-none-match')
  context.header('access-control-max-age', '86400')
  return context.body(null, 204)
}
