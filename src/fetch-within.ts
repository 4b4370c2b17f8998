// A fetch that takes no longer than it may, its body included. `AbortSignal.timeout` would do, but its timer runs on after
// the answer, and a running timer is work: a Durable Object stays in memory, and is billed, until it has run out.

/** No answer that we ask for is longer; a store that ignores a Range may send a whole recording. */
const mostBodyBytes = 32 * 1024 * 1024

/** @throws a `TimeoutError` when the whole answer is not there in time; an answer that is too long comes without its body */
export async function fetchWithin(url: URL, init: RequestInit, limitMs: number): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new DOMException('no answer in time', 'TimeoutError')),
    limitMs,
  )
  try {
    const response = await fetch(url, { ...init, signal: late.signal })
    const isTooLong = Number(response.headers.get('content-length')) > mostBodyBytes
    if (isTooLong) await response.body?.cancel()
    const body = isTooLong ? null : await response.arrayBuffer()
    return new Response(body?.byteLength === 0 ? null : body, response)
  } finally {
    clearTimeout(timer)
  }
}
