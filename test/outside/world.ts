// Everything that the Worker under test can reach: the real store, through a proxy that can be told to fail, and a
// pretend LiveKit with its backup storage. Runs in Node; tests steer it by requests to http://control.test. A request that
// is not planned for fails loudly.
import { answerBackup, steerBackup } from './backup.ts'
import { answerLiveKit, changeLiveKit, steerLiveKit } from './livekit.ts'
import { storeAddress } from './store.ts'
import { openUploads, passToStore, steerStore, storeHistory } from './store-proxy.ts'

export async function outsideWorld(request: Request): Promise<Response> {
  const url = new URL(request.url)
  if (url.hostname === 'control.test') {
    const order: unknown = request.method === 'POST' ? await request.json() : null
    if (url.pathname === '/store') return Response.json(steerStore(order))
    if (url.pathname === '/store/uploads') return Response.json(openUploads())
    if (url.pathname === '/store/history')
      return Response.json(storeHistory(Number(url.searchParams.get('from'))))
    if (url.pathname === '/backup') return Response.json(steerBackup(order))
    if (url.pathname === '/livekit/changes') {
      changeLiveKit(order)
      return Response.json({})
    }
    if (url.pathname === '/livekit') return Response.json(steerLiveKit(order))
  }
  if (url.hostname === 'backup.test') return answerBackup(request)
  if (url.hostname === 'livekit.test') return answerLiveKit(request)
  if (url.origin === storeAddress().origin) return passToStore(request)
  return new Response(`nothing is planned for ${request.method} ${url.href}`, { status: 599 })
}
