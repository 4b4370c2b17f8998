// Players on other origins: who may read what a link leads to. The token in the link is the protection, and no cookie is
// read, so that by default every origin may. Said before anything else, so that a refusal can be read as well.
import type { Context } from 'hono'
import type { AppEnv } from './context.ts'

const exposed = 'content-length, content-range, content-disposition, etag, accept-ranges'

/** The headers of every answer to a player. */
export function playerHeaders(context: Context<AppEnv>): Record<string, string> {
  const { corsOrigins } = context.get('config')
  if (corsOrigins === '*') return allowed('*')
  const origin = context.req.header('origin') ?? ''
  return { vary: 'origin', ...(corsOrigins.has(origin) ? allowed(origin) : {}) }
}

function allowed(origin: string): Record<string, string> {
  return { 'access-control-allow-origin': origin, 'access-control-expose-headers': exposed }
}

/** Answers a browser that asks before it asks. */
export function answerPreflight(context: Context<AppEnv>): Response {
  return context.body(null, 204, {
    ...playerHeaders(context),
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': 'range, if-range, if-none-match',
    'access-control-max-age': '86400',
  })
}
