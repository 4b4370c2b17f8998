// A pretend LiveKit for the worker tests: answers ListEgress over Twirp as LiveKit does (snake_case, 404 for an unknown id
// whatever the other filters say, `active` and `room_name` for lists), in pages where it is told to, or fails as it is told to.

export interface LiveKitOrder {
  /** EgressInfo by id, as Twirp writes it. */
  egresses?: Record<string, unknown>
  /** Answers this instead of anything else. */
  fault?: { status: number; body: string } | null
  /** Answers lists with so many egresses a page, as LiveKit Cloud does; the open source server has no pages. */
  pageSize?: number
}

interface ListQuery {
  egress_id?: string
  room_name?: string
  active?: boolean
  page_token?: { token?: string }
}

let pageSize: number | undefined
let egresses: Record<string, unknown> = {}
let fault: LiveKitOrder['fault'] = null
let asked: string[] = []

/** Sets what LiveKit knows, or tells for which ids it was asked. */
export function steerLiveKit(order: unknown): { asked: string[] } {
  const known = { asked }
  if (order !== null) {
    egresses = (order as LiveKitOrder).egresses ?? {}
    fault = (order as LiveKitOrder).fault ?? null
    pageSize = (order as LiveKitOrder).pageSize
    asked = []
  }
  return known
}

export async function answerLiveKit(request: Request): Promise<Response> {
  if (!request.headers.get('authorization')?.startsWith('Bearer ')) {
    return twirpError(401, 'unauthenticated', 'permissions denied')
  }
  const query = await request.json<ListQuery>()
  asked.push(query.egress_id ?? '')
  if (fault) return new Response(fault.body, { status: fault.status })
  if (query.egress_id === undefined) return listed(query)
  const found = egresses[query.egress_id]
  return found === undefined
    ? twirpError(404, 'not_found', 'egress does not exist')
    : Response.json({ items: [found] })
}

const runningStatuses = new Set([undefined, 'EGRESS_STARTING', 'EGRESS_ACTIVE', 'EGRESS_ENDING'])

function listed({ active, room_name: roomName, page_token: page }: ListQuery): Response {
  const items = (Object.values(egresses) as Record<string, string | undefined>[]).filter(
    (info) =>
      (active !== true || runningStatuses.has(info['status'])) &&
      (roomName === undefined || info['room_name'] === roomName),
  )
  if (pageSize === undefined) return Response.json({ items, next_page_token: null })
  const from = Number(/^after-(\d+)$/.exec(page?.token ?? 'after-0')?.[1] ?? Number.NaN)
  if (Number.isNaN(from)) return twirpError(400, 'invalid_argument', 'malformed page token')
  const token = from + pageSize < items.length ? `after-${from + pageSize}` : ''
  return Response.json({
    items: items.slice(from, from + pageSize),
    next_page_token: token === '' ? null : { token },
  })
}

/** As Twirp writes what webhooks write in camelCase. */
export function asTwirp(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asTwirp)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      asTwirp(inner),
    ]),
  )
}

function twirpError(status: number, code: string, msg: string): Response {
  return Response.json({ code, msg }, { status })
}
