// What must hold of every list of requests that the Worker made of the store, whatever broke meanwhile.
import { expect } from 'vitest'
import type { StoreRequest } from './store-proxy.ts'

/**
 * Nothing was deleted outside the temp folder; nothing in it before its final copy, with the same bytes, had been looked
 * at; and the bucket itself was never changed.
 */
export function expectCarefulDeletes(requests: StoreRequest[], tempPrefix: string): void {
  const lookedAt = new Set<string>()
  for (const { method, key, query, storeStatus, sameBytesAt } of requests) {
    if (method !== 'GET') expect(key, `${method} of the bucket itself`).not.toBe('')
    if (method === 'HEAD' && storeStatus === 200) lookedAt.add(key)
    // An upload that is given up is no object yet.
    if (method !== 'DELETE' || storeStatus === null || query.includes('uploadId=')) continue
    expect(key.replace(/^\/+/, '').startsWith(tempPrefix), `${key} was deleted`).toBe(true)
    // A kill can leave a second DELETE behind, which finds nothing.
    if (sameBytesAt === null) continue
    const copies = sameBytesAt.filter((copy) => copy.startsWith('recordings/'))
    expect(
      copies.some((copy) => lookedAt.has(copy)),
      `${key} was deleted; its bytes lie at ${copies.join() || 'no final key'}`,
    ).toBe(true)
  }
}
