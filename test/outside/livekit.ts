// A pretend LiveKit for the worker tests: answers ListEgress over Twirp as LiveKit does (snake_case, 404 for an unknown
// id), or fails as it is told to.

export interface LiveKitOrder {
  /** EgressInfo by id, as Twirp writes it. */
  egresses?: Record<string, unknown>
  /** Answers this instead of anything else. */
  fault?: { status: number; body: string } | null
}

let egresses: Record<string, unknown> = {}
let fault: LiveKitOrder['fault'] = null
let asked: string[] = []

/** Sets what LiveKit knows, or tells for which ids it was asked. */
export function steerLiveKit(order: unknown): { asked: string[] } {
  const known = { asked }
  if (order !== null) {
    egresses = (order as LiveKitOrder).egresses ?? {}
    fault = (order as LiveKitOrder).fault ?? null
    asked = []
  }
  return known
}

export async function answerLiveKit(request: Request): Promise<Response> {
  if (!request.headers.get('authorization')?.startsWith('Bearer ')) {
    return twirpError(401, 'unauthenticated', 'permissions denied')
  }
  const query = await request.json<{ egress_id?: string }>()
  asked.push(query.egress_id ?? '')
  if (fault) return new Response(fault.body, { status: fault.status })
  if (query.egress_id === undefined) return Response.json({ items: Object.values(egresses) })
  const found = egresses[query.egress_id]
  return found === undefined
    ? twirpError(404, 'not_found', 'egress does not exist')
    : Response.json({ items: [found] })
}

function twirpError(status: number, code: string, msg: string): Response {
  return Response.json({ code, msg }, { status })
}
