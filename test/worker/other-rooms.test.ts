// Every route of the API's own document, tried by callers who may not: a LiveKit token and an API key of another room, and
// keys that lack just the scope that the route asks for. They must see nothing, touch nothing, and must not be able to tell
// what is there from what is not.
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { scopes } from '../../src/access/scopes.ts'
import { upload } from './outside.ts'
import { addressOf, apiDocument, exampleBody, operationsOf } from './api-document.ts'
import type { ApiDocument, Operation } from './api-document.ts'
import { wholeLife } from '../egress-events.ts'
import { madeKey } from './api-keys.ts'
import { asAdmin, asBearer, liveKitToken, recorded, until, webhooks } from './story.ts'

const secretRoom = 'board of directors'

let document: ApiDocument
let operations: Operation[]
/** What the path parameters of the other room's things are. */
let names: Record<string, string>

beforeEach(async () => {
  document = await apiDocument()
  operations = operationsOf(document).filter(({ scope }) => scope !== null)
  const story = recorded({ roomName: secretRoom })
  await upload(story.filename, '0123456789')
  await webhooks(...wholeLife(story))
  await until(story.egressId, ({ status }) => status === 'ready')
  const links = `/v1/recordings/${story.egressId}/links`
  const { linkId } = await (await asAdmin(links, { method: 'POST' })).json<{ linkId: string }>()
  names = { egressId: story.egressId, linkId }
})

async function call(operation: Operation, token: string, known: Record<string, string>) {
  const body = exampleBody(document, operation)
  const init = {
    method: operation.method,
    ...(body === null
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }
  const response = await asBearer(token, addressOf(operation, known), init)
  // What the caller itself sent may come back.
  const text = Object.values(known).reduce(
    (left, name) => left.replaceAll(name, 'none'),
    await response.text(),
  )
  return { status: response.status, text }
}

/** All that a stranger could have touched, as an administrator sees it. */
async function secrets(): Promise<unknown> {
  const { egressId } = names
  const paths = ['', '/timeline', '/links'].map((part) => `/v1/recordings/${egressId}${part}`)
  const seen = [...paths, '/v1/orphans', '/v1/sweeps'].map(async (path) =>
    (await asAdmin(path)).json(),
  )
  const rows = await env.DB.batch([
    env.DB.prepare('SELECT egress_id FROM recordings'),
    env.DB.prepare(
      "SELECT key_id FROM keys WHERE name <> 'of a test' OR revoked_at_ms IS NOT NULL",
    ),
  ])
  return [await Promise.all(seen), rows.map(({ results }) => results)]
}

describe.each<[string, () => Promise<string>]>([
  [
    'a LiveKit token of another room',
    () => liveKitToken({ roomRecord: true, roomAdmin: true, roomList: true, room: 'elsewhere' }),
  ],
  ['an API key of another room', () => madeKey(['admin'], { room: 'elsewhere' })],
  [
    'a LiveKit token of a room with nearly that name',
    () => liveKitToken({ roomRecord: true, room: secretRoom.toUpperCase() }),
  ],
])('%s', (_, made) => {
  it('sees and touches nothing on any route, and cannot tell it from what does not exist', async () => {
    const token = await made()
    const before = await secrets()
    expect(operations.length).toBeGreaterThan(15)
    for (const operation of operations) {
      const hidden = await call(operation, token, names)
      const none = await call(operation, token, {})
      expect(hidden, operation.name).toEqual(none)
      const isNamed = Object.keys(names).some((name) => operation.path.includes(`{${name}}`))
      if (isNamed) expect([403, 404], operation.name).toContain(hidden.status)
      for (const secret of [secretRoom, ...Object.values(names)]) {
        expect(hidden.text, operation.name).not.toContain(secret)
      }
    }
    expect(await secrets()).toEqual(before)
  })
})

describe('an API key', () => {
  it('that lacks just the scope of a route sees and touches nothing by it', async () => {
    const before = await secrets()
    for (const operation of operations) {
      const others = scopes.filter((scope) => scope !== 'admin' && scope !== operation.scope)
      const key = await madeKey(others)
      const answer = await call(operation, key, names)
      expect(answer.status, operation.name).toBe(403)
      expect(JSON.parse(answer.text), operation.name).toMatchObject({
        code: 'scope-missing',
        scope: operation.scope,
      })
      expect(answer, operation.name).toEqual(await call(operation, key, {}))
    }
    expect(await secrets()).toEqual(before)
  })

  it('with just the scope of a route comes through its door', async () => {
    for (const operation of operations) {
      if (operation.scope === null) continue
      const key = await madeKey([operation.scope as (typeof scopes)[number]])
      const { status } = await call(operation, key, {})
      expect([401, 403, 429], operation.name).not.toContain(status)
    }
  })
})

describe('the API document', () => {
  it('shows a body for every operation that needs one', () => {
    for (const operation of operationsOf(document)) {
      if (operation.body?.required !== true) continue
      expect(exampleBody(document, operation), operation.name).not.toBeNull()
    }
  })
})
