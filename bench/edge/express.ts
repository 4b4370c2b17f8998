// The same durable job as people write it without an edge: Express, LiveKit's own check, one transaction of PostgreSQL that
// keeps the event once and the state of the egress. Started by bench/edge.ts with the address of a cluster of its own.
import express from 'express'
import { WebhookReceiver } from 'livekit-server-sdk'
import { Pool } from 'pg'

const { PGHOST, PORT, API_KEY, API_SECRET } = process.env
const pool = new Pool({ host: PGHOST ?? '', user: 'postgres', database: 'postgres', max: 16 })
const receiver = new WebhookReceiver(API_KEY ?? '', API_SECRET ?? '')
await pool.query(`
  CREATE TABLE IF NOT EXISTS events (id text PRIMARY KEY, egress_id text NOT NULL, body text NOT NULL);
  CREATE TABLE IF NOT EXISTS egresses (egress_id text PRIMARY KEY, updated_at bigint NOT NULL, state text NOT NULL)`)

const app = express()
app.use(express.text({ type: '*/*', limit: '1mb' }))
app.get('/up', (_, response) => void response.send('up'))
app.post('/webhooks/livekit', async (incoming, response) => {
  const body = String(incoming.body)
  const event = await receiver.receive(body, incoming.get('authorization') ?? '')
  const egressId = event.egressInfo?.egressId ?? ''
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('INSERT INTO events VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      event.id,
      egressId,
      body,
    ])
    await client.query(
      `INSERT INTO egresses VALUES ($1, $2, $3) ON CONFLICT (egress_id) DO UPDATE
       SET updated_at = excluded.updated_at, state = excluded.state
       WHERE excluded.updated_at > egresses.updated_at`,
      [egressId, String(event.egressInfo?.updatedAt ?? 0), body],
    )
    await client.query('COMMIT')
    response.send('stored')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
})
app.listen(Number(PORT), '127.0.0.1')
