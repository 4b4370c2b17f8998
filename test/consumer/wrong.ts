// Calls that the types must refuse: each line below its mark fails to compile, or the mark itself does.
import { clientOf } from './tour.ts'

const api = clientOf('https://recordings.example', 'token', fetch)

export async function wrong(): Promise<void> {
  // @ts-expect-error there is no such resource
  await api.v1.recording.$get()
  // @ts-expect-error a recording cannot be put
  await api.v1.recordings[':egressId'].$put({ param: { egressId: 'EG_a' } })
  // @ts-expect-error which recording?
  await api.v1.recordings[':egressId'].$get({})
  // @ts-expect-error no such status
  await api.v1.recordings.$get({ query: { status: 'finished' } })
  // @ts-expect-error a query has no objects: 'metadata[team]'
  await api.v1.recordings.$get({ query: { metadata: { team: 'video' } } })
  // @ts-expect-error nor any other field in brackets
  await api.v1.recordings.$get({ query: { 'room[name]': 'standup' } })
  // @ts-expect-error a key needs scopes
  await api.v1.keys.$post({ json: { name: 'export' } })
  // @ts-expect-error no such scope
  await api.v1.keys.$post({ json: { name: 'export', scopes: ['write'] } })
  const answer = await api.v1.recordings[':egressId'].$get({ param: { egressId: 'EG_a' } })
  if (answer.status !== 200) return
  const recording = await answer.json()
  // @ts-expect-error sizes are numbers
  const size: string = recording.sizeBytes
  // @ts-expect-error no such field
  console.log(size, recording.filename)
}
