// The floor of the webhook route: LiveKit's own check, one call of one object, one storage transaction. It decides nothing
// and does nothing afterwards.
import { DurableObject } from 'cloudflare:workers'
import { WebhookReceiver } from 'livekit-server-sdk'

export class Floor extends DurableObject {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env)
    ctx.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID',
    )
  }

  async put(id: string, body: string): Promise<void> {
    this.ctx.storage.transactionSync(() =>
      this.ctx.storage.sql.exec(
        'INSERT INTO events (id, body) VALUES (?, ?) ON CONFLICT DO NOTHING',
        id,
        body,
      ),
    )
  }
}

interface Bindings {
  FLOOR: DurableObjectNamespace<Floor>
  API_KEY: string
  API_SECRET: string
}

const entry: ExportedHandler<Bindings> = {
  async fetch(request, env) {
    if (request.method !== 'POST') return new Response('up')
    const body = await request.text()
    const receiver = new WebhookReceiver(env.API_KEY, env.API_SECRET)
    const event = await receiver.receive(body, request.headers.get('authorization') ?? '')
    await env.FLOOR.getByName(event.egressInfo?.egressId ?? '').put(event.id, body)
    return new Response('stored')
  },
}
// oxlint-disable-next-line import/no-default-export -- the platform's door
export default entry
