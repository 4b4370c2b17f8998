// The faulty store at an address of its own, for a Worker that runs as a process of its own.
import { serve } from './http-server.ts'
import { isSignedRightly, resigned } from './resign.ts'
import { passToStore } from './store-proxy.ts'

export interface StoreServer {
  /** S3 endpoint, without the bucket. */
  endpoint: string
  close(): void
}

/** @param storeEndpoint the real store behind it */
export async function startStoreServer(storeEndpoint: string): Promise<StoreServer> {
  const { origin: storeOrigin, pathname } = new URL(storeEndpoint)
  const { origin, close } = await serve(async (request) => {
    const { method } = request
    const { pathname: path, search } = new URL(request.url)
    const url = `${storeOrigin}${path}${search}`
    // The signature covers the address, so what was signed for this server is signed anew for the store.
    const { headers } = (await isSignedRightly(request))
      ? await resigned(request, { url })
      : { headers: request.headers }
    const body = method === 'GET' || method === 'HEAD' ? null : await request.arrayBuffer()
    return passToStore(new Request(url, { method, headers, body }))
  })
  return { endpoint: `${origin}${pathname}`, close }
}
