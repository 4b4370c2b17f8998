// LiveKit's refusals as problems: with its own code and words, and a status that is true for our caller.
import type { HTTPException } from 'hono/http-exception'
import { problem } from '../problem.ts'
import type { Refusal } from '../recording/start.ts'

type OwnStatus = 400 | 403 | 404 | 409 | 429 | 502 | 503

/** @param code ours, where LiveKit's would not tell the caller what to do */
export function liveKitProblem(
  { status, code, message }: Refusal,
  own: OwnStatus = ownStatus(status),
  ownCode = `livekit-${code.replaceAll('_', '-')}`,
): HTTPException {
  const livekit = { status, code, message }
  return problem(own, ownCode, `LiveKit answered: ${message}`, { livekit })
}

/** 401 is LiveKit's word about our key, not about the caller's; an answer that has no meaning of its own here is 502. */
function ownStatus(status: number): OwnStatus {
  switch (status) {
    case 400:
    case 403:
    case 404:
    case 429:
    case 503:
      return status
    case 401:
      return 403
    default:
      return 502
  }
}
