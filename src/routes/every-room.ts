// The door of what concerns the whole bucket: for ADMIN_TOKEN and for LiveKit tokens that name no room, because the temp
// folder and the catalogue belong to no room.
import type { MiddlewareHandler } from 'hono'
import { problem } from '../problem.ts'
import { requireAccess } from './access.ts'
import type { AppEnv } from './context.ts'

const requireNoRoom: MiddlewareHandler<AppEnv> = async (context, next) => {
  if (context.get('access').room !== null) {
    throw problem(403, 'other-room', 'The token is for one room; this needs one for all of them.')
  }
  await next()
}

export const requireEveryRoom = [requireAccess, requireNoRoom]
