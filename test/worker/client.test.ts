// The typed client against the running Worker: the same code that the compiler checks in an app of its own.
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { clientOf, newestOf, statusOf, withFields } from '../consumer/tour.ts'
import { catalogued, request } from './story.ts'

const api = clientOf('https://roomtape.test', env.ADMIN_TOKEN, async (input, init) => {
  const { pathname, search } = new URL(input instanceof Request ? input.url : input)
  return request(pathname + search, init)
})

describe('the typed client', () => {
  it('finds the recordings of a room and makes a link to the newest', async () => {
    const older = await catalogued({ startedAtMs: 1_000 })
    const newer = await catalogued({ startedAtMs: 2_000 })
    await catalogued({ roomName: 'board' })
    const { ids, watchUrl } = await newestOf(api, 'standup')
    expect(ids).toEqual([newer.egressId, older.egressId])
    const page = await request(new URL(watchUrl ?? '').pathname)
    expect(page.status).toBe(200)
    expect(await newestOf(api, 'nowhere')).toEqual({ ids: [], watchUrl: null })
  })

  it('filters by the metadata that its types let it name', async () => {
    const metadata = { team: 'video', tag: 'weekly' }
    const both = await catalogued({ metadata })
    await catalogued({ metadata: { team: 'video' } })
    expect(await withFields(api, 'video', ['weekly'])).toEqual([both.egressId])
    expect(await withFields(api, 'video', ['weekly', 'daily'])).toEqual([])
  })

  it('tells answers apart by their status', async () => {
    const { egressId } = await catalogued()
    expect(await statusOf(api, egressId)).toBe('ready')
    expect(await statusOf(api, 'EG_unknown')).toEqual({ code: 'recording-not-found' })
  })
})
