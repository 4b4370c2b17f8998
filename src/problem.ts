// The one error shape that callers see: RFC 9457 `application/problem+json` with a stable `code`. Routes throw what
// `problem` makes; only `renderProblem` turns anything into a response. What we did not expect shows its request id only.
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { routePath } from 'hono/route'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { logError, messageOf } from './log.ts'
import { Trouble } from './recording/ports.ts'

export interface ProblemBody {
  type: 'about:blank'
  title: string
  status: number
  code: string
  detail: string
  [extension: string]: unknown
}

class Problem extends HTTPException {
  readonly body: ProblemBody

  constructor(status: ContentfulStatusCode, body: ProblemBody) {
    super(status, { message: body.detail })
    this.body = body
  }
}

/**
 * An expected refusal, to be thrown.
 * @param code stable, for programs
 * @param detail for people: names the fault
 */
export function problem(
  status: ContentfulStatusCode,
  code: string,
  detail: string,
  extensions: Record<string, unknown> = {},
): Problem {
  return new Problem(status, {
    type: 'about:blank',
    title: titleOf(status),
    status,
    code,
    detail,
    ...extensions,
  })
}

/** The only renderer of errors. */
export function renderProblem(error: Error, context: Context): Response {
  if (error instanceof Problem) return respond(context, error.body)
  if (error instanceof HTTPException) {
    return respond(
      context,
      problem(error.status, 'refused', error.message || titleOf(error.status)).body,
    )
  }
  if (error instanceof Trouble) {
    logError('request.troubled', { code: error.code, error: error.message })
    return respond(context, problem(503, error.code, error.message).body)
  }
  // D1 has no class for its errors, and its words are not for strangers.
  if (error.message.startsWith('D1_ERROR')) {
    logError('request.troubled', { code: 'catalogue-unavailable', error: error.message })
    const detail = 'The catalogue does not answer. Try again.'
    return respond(context, problem(503, 'catalogue-unavailable', detail).body)
  }
  const requestId = crypto.randomUUID()
  logError('request.failed', { requestId, path: routePath(context), error: messageOf(error) })
  return respond(
    context,
    problem(500, 'internal', 'This is our fault. The log has it under the request id.', {
      requestId,
    }).body,
  )
}

function respond(context: Context, body: ProblemBody): Response {
  return context.body(JSON.stringify(body), body.status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  })
}

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Too slow',
  409: 'Not now',
  412: 'Changed meanwhile',
  413: 'Too large',
  415: 'Wrong type',
  416: 'No such range',
  422: 'Not understood',
  429: 'Too many requests',
  500: 'Internal error',
  502: 'Refused by LiveKit',
  503: 'Not available',
  504: 'Not known yet',
}

function titleOf(status: number): string {
  return titles[status] ?? 'Refused'
}
