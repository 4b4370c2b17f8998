// How long a presigned URL lives. Its signing time is rounded down to a window and its life extended by as much, so that
// within a window the same viewer gets the same URL and the browser finds what it has loaded in its cache. A URL never
// outlives the link that it was made for by more than one window.

/** Length of a window. */
export const windowMs = 5 * 60_000

export interface Life {
  signedAtMs: number
  seconds: number
}

/**
 * @param ttlSeconds life that a viewer gets at least
 * @param linkExpiresAtMs when the link itself ends; `null` for a caller of the API
 */
export function presignedLife(
  nowMs: number,
  ttlSeconds: number,
  linkExpiresAtMs: number | null,
): Life {
  const signedAtMs = Math.floor(nowMs / windowMs) * windowMs
  const wantedMs = signedAtMs + windowMs + ttlSeconds * 1000
  const allowedMs =
    linkExpiresAtMs === null ? wantedMs : Math.ceil(linkExpiresAtMs / windowMs) * windowMs
  const endsAtMs = Math.min(wantedMs, allowedMs)
  return { signedAtMs, seconds: Math.max(Math.ceil((endsAtMs - signedAtMs) / 1000), 1) }
}
