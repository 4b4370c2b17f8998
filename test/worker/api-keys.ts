// Makes API keys, as an administrator does.
import type { Scope } from '../../src/access/scopes.ts'
import { asAdmin } from './story.ts'

export interface KeyJson {
  keyId: string
  name: string
  scopes: Scope[]
  room: string | null
  expiresAt: string | null
  lastUsedOn: string | null
}

interface Wanted {
  name?: string
  scopes: Scope[]
  room?: string
  expiresAt?: string
}

/** A new key, as it is shown once. */
export async function made(wanted: Wanted): Promise<KeyJson & { key: string }> {
  const response = await asAdmin('/v1/keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'of a test', ...wanted }),
  })
  if (response.status !== 201) throw new Error(`key: ${response.status} ${await response.text()}`)
  return response.json()
}

/** The bearer of a new key. */
export async function madeKey(scopes: Scope[], more: { room?: string } = {}): Promise<string> {
  return (await made({ scopes, ...more })).key
}
