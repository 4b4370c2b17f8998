// A pretend LiveKit for the worker tests: starts, stops and lists egresses over Twirp as LiveKit does. Lists are snake_case
// with 404 for an unknown id whatever the other filters say, `active` and `room_name` for lists, in pages where it is told
// to. A start makes an egress whose echo hides the S3 keys. It fails as it is told to: before it does a thing, or after.
import { randomUUID } from 'node:crypto'

export interface LiveKitOrder {
  /** EgressInfo by id, as Twirp writes it. */
  egresses?: Record<string, unknown>
  /** Answers this instead of anything else. */
  fault?: { status: number; body: string } | null
  /** What goes wrong with one method; any other answers. */
  faults?: MethodFault[]
  /** Answers lists with so many egresses a page, as LiveKit Cloud does; the open source server has no pages. */
  pageSize?: number
  /** LiveKit's clock stands still at this time; it goes with the machine's when left out. */
  nowMs?: number
  /** Starts and stops wait until they are told to go on. */
  isHeld?: boolean
}

export interface MethodFault {
  method: string
  /** Answers this; without it the connection ends. */
  answer?: { status: number; code: string; msg: string }
  /** It is done all the same. */
  isDone?: boolean
  /** So many times; for ever when left out. */
  times?: number
}

/** One call that reached LiveKit. */
export interface LiveKitCall {
  method: string
  body: Info
  /** The egress that a start made. */
  egressId?: string
}

export interface LiveKitState {
  /** Ids that were looked up. */
  asked: string[]
  calls: LiveKitCall[]
}

type Info = Record<string, unknown>

let pageSize: number | undefined
let egresses: Record<string, Info> = {}
let fault: LiveKitOrder['fault'] = null
let nowMs: number | undefined
let faults: MethodFault[] = []
let asked: string[] = []
let calls: LiveKitCall[] = []
let held: { promise: Promise<void>; go: () => void } | null = null

/** Sets what LiveKit knows, or tells what it was asked. */
export function steerLiveKit(order: unknown): LiveKitState {
  const known = { asked, calls }
  if (order !== null) {
    const { isHeld, ...rest } = order as LiveKitOrder
    egresses = { ...(rest.egresses as Record<string, Info> | undefined) }
    fault = rest.fault ?? null
    faults = [...(rest.faults ?? [])]
    pageSize = rest.pageSize
    nowMs = rest.nowMs
    asked = []
    calls = []
    held?.go()
    held = isHeld === true ? hold() : null
  }
  return known
}

/** Changes what LiveKit says of some egresses, forgets those that are `null`, and lets go on what is held. */
export function changeLiveKit(changes: unknown): void {
  for (const [egressId, info] of Object.entries(changes as Record<string, Info | null>)) {
    if (info === null) Reflect.deleteProperty(egresses, egressId)
    else egresses[egressId] = { ...egresses[egressId], ...info }
  }
  held?.go()
  held = null
}

function hold(): { promise: Promise<void>; go: () => void } {
  let go = (): void => {}
  const promise = new Promise<void>((resolve) => {
    go = resolve
  })
  return { promise, go }
}

export async function answerLiveKit(request: Request): Promise<Response> {
  if (!request.headers.get('authorization')?.startsWith('Bearer ')) {
    return twirpError(401, 'unauthenticated', 'permissions denied')
  }
  const method = new URL(request.url).pathname.replace(/.*\//, '')
  const body = (await request.json()) as Info
  const call: LiveKitCall = { method, body }
  calls.push(call)
  if (method === 'ListEgress') asked.push(text(body, 'egress_id') ?? '')
  if (fault) return new Response(fault.body, { status: fault.status })
  if (method !== 'ListEgress') await held?.promise
  const wrong = faults.find((known) => known.method === method && known.times !== 0)
  if (wrong?.times !== undefined) wrong.times -= 1
  const done = wrong === undefined || wrong.isDone === true ? act(call) : null
  if (wrong === undefined) return done ?? twirpError(404, 'bad_route', `no handler for ${method}`)
  const { answer } = wrong
  // A body that breaks off is what a lost connection looks like here.
  return answer === undefined ? brokenOff() : twirpError(answer.status, answer.code, answer.msg)
}

function act(call: LiveKitCall): Response | null {
  const { method, body } = call
  if (method === 'ListEgress') return list(body)
  if (method === 'StopEgress') return stop(text(body, 'egressId') ?? '')
  if (method === 'UpdateLayout') return updateLayout(body)
  return method.startsWith('Start') ? start(call) : null
}

const requestNames: Record<string, string> = {
  StartRoomCompositeEgress: 'room_composite',
  StartWebEgress: 'web',
  StartParticipantEgress: 'participant',
  StartTrackCompositeEgress: 'track_composite',
  StartTrackEgress: 'track',
  StartEgress: 'egress',
}

function start(call: LiveKitCall): Response | null {
  const { method, body } = call
  const name = requestNames[method]
  if (name === undefined) return null
  const egressId = `EG_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  call.egressId = egressId
  const file = (body['fileOutputs'] as Info[] | undefined)?.[0]
  const nowNanos = nanosNow()
  const info: Info = {
    egress_id: egressId,
    room_id: body['roomName'] === undefined ? '' : 'RM_test',
    room_name: body['roomName'] ?? '',
    status: 'EGRESS_STARTING',
    started_at: nowNanos,
    updated_at: nowNanos,
    ended_at: '0',
    error: '',
    [name]: redacted(body),
    file_results: file === undefined ? [] : [{ filename: file['filepath'], size: '0' }],
  }
  egresses[egressId] = info
  return Response.json(info)
}

/** As LiveKit echoes a request: every key and secret replaced by the name of its field. */
function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted)
  if (typeof value !== 'object' || value === null) return value
  const hidden: Record<string, string> = {
    accessKey: '{access_key}',
    secret: '{secret}',
    sessionToken: '{session_token}',
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, hidden[name] ?? redacted(inner)]),
  )
}

function stop(egressId: string): Response {
  const info = egresses[egressId]
  if (info === undefined) return twirpError(404, 'not_found', 'egress does not exist')
  const status = text(info, 'status') ?? 'EGRESS_STARTING'
  if (status !== 'EGRESS_STARTING' && status !== 'EGRESS_ACTIVE') {
    const msg = `egress with status ${status} cannot be stopped`
    return twirpError(412, 'failed_precondition', msg)
  }
  const next = status === 'EGRESS_ACTIVE' ? 'EGRESS_ENDING' : 'EGRESS_ABORTED'
  const ended = { ...info, status: next, updated_at: nanosNow() }
  egresses[egressId] = ended
  return Response.json(ended)
}

function nanosNow(): string {
  return `${nowMs ?? Date.now()}000000`
}

function updateLayout(body: Info): Response {
  const info = egresses[text(body, 'egressId') ?? '']
  if (info === undefined) return twirpError(404, 'not_found', 'egress does not exist')
  const composite = { ...(info['room_composite'] as Info), layout: body['layout'] }
  const changed = { ...info, room_composite: composite }
  egresses[String(info['egress_id'])] = changed
  return Response.json(changed)
}

const runningStatuses = new Set([undefined, 'EGRESS_STARTING', 'EGRESS_ACTIVE', 'EGRESS_ENDING'])

function list(query: Info): Response {
  const egressId = text(query, 'egress_id')
  if (egressId !== undefined) {
    const found = egresses[egressId]
    return found === undefined
      ? twirpError(404, 'not_found', 'egress does not exist')
      : Response.json({ items: [found] })
  }
  const roomName = text(query, 'room_name')
  const items = Object.values(egresses).filter(
    (info) =>
      (query['active'] !== true || runningStatuses.has(text(info, 'status'))) &&
      (roomName === undefined || info['room_name'] === roomName),
  )
  if (pageSize === undefined) return Response.json({ items, next_page_token: null })
  const page = query['page_token'] as { token?: string } | undefined
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
  return Response.json({ code, msg }, { status, headers: { 'content-type': 'application/json' } })
}

function brokenOff(): Response {
  return new Response('{"egress_id":', { headers: { 'content-type': 'application/json' } })
}

function text(info: Info, name: string): string | undefined {
  const value = info[name]
  return typeof value === 'string' ? value : undefined
}
