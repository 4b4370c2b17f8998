// The pretend LiveKit and its backup storage at an address of their own, for a Worker that runs as a process of its own.
import { answerBackup } from './backup.ts'
import { serve } from './http-server.ts'
import type { HttpServer } from './http-server.ts'
import { answerLiveKit } from './livekit.ts'

export async function startLiveKitServer(): Promise<HttpServer> {
  return serve(async (request) =>
    new URL(request.url).pathname.startsWith('/twirp/')
      ? answerLiveKit(request)
      : answerBackup(request),
  )
}
