// /v1/recordings/{egressId}/links and /v1/links/{linkId}: links that anyone can play until they end or are revoked.
import { createRoute, z } from '@hono/zod-openapi'
import { insertLink, listLinks, readLink, revokeLink } from '../catalog/links.ts'
import type { Link } from '../catalog/links.ts'
import { signPlaybackToken } from '../playback/token.ts'
import { problem } from '../problem.ts'
import { guarded, guardRefusals } from './access.ts'
import { bodyRefusals, newRoutes, publicBase, refusal } from './context.ts'
import { findRecording, lookForRecording } from './find.ts'
import { openedKey, playerMemory } from './player-memory.ts'
import { timeOf } from './recording-json.ts'

const EgressId = z.object({ egressId: z.string() })
const mostLinks = 200
const longestLinkSeconds = 366 * 24 * 3600

const LinkSchema = z
  .object({
    linkId: z.string(),
    egressId: z.string(),
    download: z.boolean(),
    viewer: z.string().nullable(),
    maxPlays: z.number().int().nullable(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullable(),
  })
  .openapi('Link')

const LinkRequest = z
  .strictObject({
    expiresInSeconds: z.number().int().min(1).max(longestLinkSeconds).default(3600),
    download: z.boolean().default(false).openapi({ description: 'The viewer may have the file' }),
    viewer: z.string().min(1).max(200).nullable().default(null).openapi({
      description: 'Who it is for, for the log',
    }),
    maxPlays: z.number().int().min(1).max(1_000_000).nullable().default(null),
  })
  .openapi({ example: { expiresInSeconds: 86_400, viewer: 'amara', maxPlays: 3 } })

const create = createRoute({
  method: 'post',
  path: '/v1/recordings/{egressId}/links',
  operationId: 'createLink',
  tags: ['Playback'],
  summary: 'Make a link that plays',
  ...guarded('play', 'own', 'body'),
  request: {
    params: EgressId,
    body: {
      required: false,
      content: {
        'application/json': {
          schema: LinkRequest,
        },
      },
    },
  },
  responses: {
    201: {
      description: 'The link',
      content: {
        'application/json': {
          schema: z.object({
            linkId: z.string(),
            url: z.url(),
            watchUrl: z.url(),
            expiresAt: z.iso.datetime(),
          }),
        },
      },
    },
    ...bodyRefusals,
    404: refusal('No such recording'),
    ...guardRefusals,
  },
})

const list = createRoute({
  method: 'get',
  path: '/v1/recordings/{egressId}/links',
  operationId: 'listLinks',
  tags: ['Playback'],
  summary: 'List the links of a recording, newest first',
  ...guarded('play'),
  request: { params: EgressId },
  responses: {
    200: {
      description: `The ${mostLinks} newest`,
      content: { 'application/json': { schema: z.object({ links: z.array(LinkSchema) }) } },
    },
    404: refusal('No such recording'),
    ...guardRefusals,
  },
})

const revoke = createRoute({
  method: 'delete',
  path: '/v1/links/{linkId}',
  operationId: 'revokeLink',
  tags: ['Playback'],
  summary: 'Revoke a link',
  ...guarded('play'),
  request: { params: z.object({ linkId: z.string() }) },
  responses: {
    204: { description: 'Revoked, now or before' },
    404: refusal('No such link'),
    ...guardRefusals,
  },
})

export const linkRoutes = newRoutes()
  .openapi(create, async (context) => {
    const { egressId } = context.req.valid('param')
    await findRecording(context, egressId)
    // Without a body nothing was validated, and no default was filled in.
    const wanted = LinkRequest.parse(context.req.valid('json') ?? {})
    const { expiresInSeconds, download, viewer, maxPlays } = wanted
    const nowMs = Date.now()
    const expiresAtMs = (Math.floor(nowMs / 1000) + expiresInSeconds) * 1000
    const linkId = crypto.randomUUID()
    const claims = { egressId, expiresAtMs, linkId, download, viewer }
    const token = await signPlaybackToken(claims, context.get('config').playbackSecret)
    await insertLink(context.env.DB, { ...claims, maxPlays, createdAtMs: nowMs, revokedAtMs: null })
    const base = publicBase(context, '/v1/')
    return context.json(
      {
        linkId,
        url: `${base}/play/${token}${download ? '?download=1' : ''}`,
        watchUrl: `${base}/watch/${token}`,
        expiresAt: new Date(expiresAtMs).toISOString(),
      },
      201,
    )
  })
  .openapi(list, async (context) => {
    const { egressId } = context.req.valid('param')
    await findRecording(context, egressId)
    const links = await listLinks(context.env.DB, egressId, mostLinks)
    return context.json({ links: links.map(linkJson) }, 200)
  })
  .openapi(revoke, async (context) => {
    const { linkId } = context.req.valid('param')
    const link = await readLink(context.env.DB, linkId)
    // Whoever may not see the recording may not know of its links.
    if (link === null || (await lookForRecording(context, link.egressId)) === null) {
      throw problem(404, 'link-not-found', 'There is no such link.')
    }
    await revokeLink(context.env.DB, linkId, Date.now())
    // Elsewhere it is forgotten a moment later.
    playerMemory(context.get('config')).opened.forget(openedKey(link.egressId, linkId))
    return context.body(null, 204)
  })

function linkJson(link: Link): z.infer<typeof LinkSchema> {
  const { createdAtMs, expiresAtMs, revokedAtMs, ...same } = link
  return {
    ...same,
    createdAt: new Date(createdAtMs).toISOString(),
    expiresAt: new Date(expiresAtMs).toISOString(),
    revokedAt: timeOf(revokedAtMs),
  }
}
