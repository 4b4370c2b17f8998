// A proxy before the real store that can be told what to do wrong: answer an error, cut the connection, let a request
// through and lose its answer, ignore a condition. It keeps a list of the requests that the Worker made.

export interface StoreFault {
  /** Only these methods; every one when left out. */
  method?: string
  /** Only keys that contain this; every key when left out. */
  key?: string
  /** Only copies, or only plain requests. */
  isCopy?: boolean
  /** How often; for ever when left out. */
  times?: number
  /** The answer instead of the store's. `lost`: the store acts, its answer does not arrive. */
  answer: { status: number; body?: string } | 'unreachable' | 'lost' | 'without-conditions'
}

export type StoreOrder = { faults: StoreFault[] } | null

export interface StoreRequest {
  method: string
  key: string
  copySource: string | null
  headers: Record<string, string>
}

let faults: StoreFault[] = []
let requests: StoreRequest[] = []

/** Sets the faults and forgets the requests, or tells of the requests since. */
export function steerStore(order: unknown): { requests: StoreRequest[] } {
  const known = { requests }
  if (order !== null) {
    faults = (order as { faults: StoreFault[] }).faults
    requests = []
  }
  return known
}

export async function passToStore(request: Request): Promise<Response> {
  const key = decodeURIComponent(new URL(request.url).pathname.split('/').slice(6).join('/'))
  const copySource = request.headers.get('x-amz-copy-source')
  requests.push({
    method: request.method,
    key,
    copySource,
    headers: Object.fromEntries(request.headers),
  })
  const fault = takeFault(request.method, key, copySource !== null)
  if (fault === 'unreachable') throw new Error('the store is unreachable')
  if (fault === 'without-conditions')
    return send(request, ['x-amz-copy-source-if-match', 'if-match'])
  if (fault === 'lost') {
    await (await send(request)).arrayBuffer()
    return new Response('the answer was lost', { status: 502 })
  }
  if (fault !== undefined) return new Response(fault.body ?? null, { status: fault.status })
  return send(request)
}

function takeFault(method: string, key: string, isCopy: boolean): StoreFault['answer'] | undefined {
  const fault = faults.find(
    (known) =>
      (known.method === undefined || known.method === method) &&
      (known.key === undefined || key.includes(known.key)) &&
      (known.isCopy === undefined || known.isCopy === isCopy) &&
      known.times !== 0,
  )
  if (fault?.times !== undefined) fault.times -= 1
  return fault?.answer
}

/** As it came; with the conditions fulfilled beforehand where a store is to be played that ignores them. */
async function send(request: Request, without: string[] = []): Promise<Response> {
  const headers = new Headers(request.headers)
  for (const name of without) headers.delete(name)
  const body =
    request.method === 'GET' || request.method === 'HEAD' ? null : await request.arrayBuffer()
  const answer = await fetch(request.url, {
    method: request.method,
    headers,
    body,
    redirect: 'manual',
  })
  const isEmpty = request.method === 'HEAD' || answer.status === 204 || answer.status === 304
  return new Response(isEmpty ? null : await answer.arrayBuffer(), {
    status: answer.status,
    headers: answer.headers,
  })
}
