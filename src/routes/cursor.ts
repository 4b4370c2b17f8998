// Cursors: opaque to callers, a position as JSON in base64 to us. A cursor is a stranger's input.
import type { z } from '@hono/zod-openapi'
import { problem } from '../problem.ts'

export function formatCursor(position: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(position))
  return btoa(String.fromCharCode(...bytes))
}

/** @throws a 400 problem for anything that is no cursor of this kind */
export function parseCursor<T>(cursor: string, schema: z.ZodType<T>): T {
  try {
    const bytes = Uint8Array.from(atob(cursor), (letter) => letter.charCodeAt(0))
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    throw problem(400, 'bad-cursor', 'The cursor is not one that was answered.')
  }
}
