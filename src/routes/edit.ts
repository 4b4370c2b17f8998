// PATCH and DELETE of a recording, and its way back from the trash. An edit is taken by the recording's own object, which
// has it before the catalogue does: a catalogue that is away loses no edit. Two people who edit at once are told apart by
// `If-Match`; without it the last one has his way.
import { createRoute, z } from '@hono/zod-openapi'
import { problem } from '../problem.ts'
import { guarded, guardRefusals, requireScope } from './access.ts'
import { bodyRefusals, jsonBody, newRoutes, refusal } from './context.ts'
import { assertMatch } from './etag.ts'
import { currentAnswer, currentJson, findCurrent } from './find.ts'
import { MetadataSchema, TitleSchema } from './start-body.ts'
import { EgressIdParams } from './recording-json.ts'

const notFound = refusal('No such recording')

const EditSchema = z
  .strictObject({
    title: TitleSchema.nullable().optional(),
    metadata: MetadataSchema.optional().openapi({ description: 'Replaces all of it' }),
    expiresAt: z.iso.datetime({ offset: true }).nullable().optional(),
    legalHold: z
      .boolean()
      .optional()
      .openapi({ description: 'Nothing of the recording is removed while it holds' }),
  })
  .openapi('RecordingEdit', { example: { title: 'Stand-up', metadata: { team: 'video' } } })

const edit = createRoute({
  method: 'patch',
  path: '/v1/recordings/{egressId}',
  operationId: 'editRecording',
  tags: ['Recordings'],
  summary: 'Change title, metadata, expiry or legal hold',
  description:
    'Fields that are left out stay. `expiresAt` and `legalHold` need the scope `delete`.',
  ...guarded('record', 'own', 'body'),
  request: {
    params: EgressIdParams,
    headers: z.object({
      'if-match': z.string().optional().openapi({ description: 'An `ETag` of the recording' }),
    }),
    body: jsonBody(EditSchema),
  },
  responses: {
    ...guardRefusals,
    200: { description: 'The recording after it', ...currentAnswer },
    ...bodyRefusals,
    404: notFound,
    409: refusal('The recording was deleted'),
    412: refusal('The recording is not the one of `If-Match` any more'),
  },
})

const remove = createRoute({
  method: 'delete',
  path: '/v1/recordings/{egressId}',
  operationId: 'deleteRecording',
  tags: ['Recordings'],
  summary: 'Put a recording into the trash; after `TRASH_DAYS` everything of it is removed',
  ...guarded('delete'),
  request: { params: EgressIdParams },
  responses: {
    ...guardRefusals,
    202: {
      description: 'It plays for nobody; `removeAt` says when its bytes go',
      ...currentAnswer,
    },
    404: notFound,
    409: refusal('It still runs (stop it, or discard it), or a legal hold keeps it'),
  },
})

const restore = createRoute({
  method: 'post',
  path: '/v1/recordings/{egressId}/restore',
  operationId: 'restoreRecording',
  tags: ['Recordings'],
  summary: 'Take a recording out of the trash',
  ...guarded('delete'),
  request: { params: EgressIdParams },
  responses: {
    ...guardRefusals,
    200: { description: 'The recording; also when it was not in the trash', ...currentAnswer },
    404: notFound,
    409: refusal('Its bytes are gone'),
  },
})

export const editRoutes = newRoutes()
  .openapi(edit, async (context) => {
    const { egressId } = context.req.valid('param')
    const { expiresAt, ...same } = context.req.valid('json')
    const needsDelete = expiresAt !== undefined || same.legalHold !== undefined
    if (needsDelete) await requireScope(context, 'delete')
    const match = context.req.valid('header')['if-match']
    const { recording } = await findCurrent(context, egressId)
    await assertMatch(match, recording)
    const outcome = await context.env.RECORDING.getByName(egressId).edit(
      {
        ...defined(same),
        ...(expiresAt === undefined
          ? {}
          : { expiresAtMs: expiresAt === null ? null : Date.parse(expiresAt) }),
      },
      match === undefined ? null : JSON.stringify(recording),
    )
    if (outcome === 'changed') {
      throw problem(412, 'changed-meanwhile', 'Somebody else has just changed the recording.')
    }
    if (outcome === 'deleted') {
      throw problem(409, 'deleted', 'The recording was deleted. Restore it first.')
    }
    if (outcome === 'unknown') throw unknownToObject(egressId)
    return context.json(await currentJson(context, egressId), 200)
  })
  .openapi(remove, async (context) => {
    const { egressId } = context.req.valid('param')
    await findCurrent(context, egressId)
    const outcome = await context.env.RECORDING.getByName(egressId).remove('trash')
    if (outcome === 'held') throw problem(409, 'legal-hold', 'A legal hold keeps the recording.')
    if (outcome === 'running') {
      throw problem(409, 'still-running', 'The recording still runs: stop it, or discard it.')
    }
    if (outcome === 'unknown') throw unknownToObject(egressId)
    return context.json(await currentJson(context, egressId), 202)
  })
  .openapi(restore, async (context) => {
    const { egressId } = context.req.valid('param')
    await findCurrent(context, egressId)
    const outcome = await context.env.RECORDING.getByName(egressId).restore()
    if (outcome === 'gone') throw problem(409, 'gone', 'The bytes of the recording are removed.')
    if (outcome === 'unknown') throw unknownToObject(egressId)
    return context.json(await currentJson(context, egressId), 200)
  })

/** The catalogue has a row and no object knows it: a catalogue that was restored from elsewhere. */
function unknownToObject(egressId: string): Error {
  return problem(404, 'recording-not-found', `Only the catalogue knows ${egressId}.`)
}

function defined<T extends object>(
  fields: T,
): { [Field in keyof T]?: Exclude<T[Field], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Field in keyof T]?: Exclude<T[Field], undefined>
  }
}
