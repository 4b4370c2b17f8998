// What a caller of the API may do, whichever way it proved who it is. Pure.

/** `admin` is all of them, and what concerns everything: keys, rebuilding, importing. */
export const scopes = ['read', 'record', 'play', 'delete', 'admin'] as const

export type Scope = (typeof scopes)[number]

/** `room: null` is every room. */
export interface Access {
  room: string | null
  scopes: readonly Scope[]
}

export function hasScope({ scopes: held }: Access, scope: Scope): boolean {
  return held.includes(scope) || held.includes('admin')
}

/** ADMIN_TOKEN: everything. */
export const adminAccess: Access = { room: null, scopes: ['admin'] }

/**
 * A LiveKit token with `roomRecord`. It may start, stop and watch, as the grant says of LiveKit's own API. It may not
 * delete: such tokens are minted for whoever presses the record button, and LiveKit's grant never reached that far.
 * @param room of the grant; empty or missing is every room
 */
export function recorderAccess(room: string | undefined): Access {
  return { room: room || null, scopes: ['read', 'record', 'play'] }
}
