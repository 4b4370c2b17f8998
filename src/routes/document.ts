// GET /openapi.json: the document of the API, made of the very schemas that validate. Each operation says which scope it
// asks for; what cannot be seen in a schema stands in words.
import type { OpenAPIHono } from '@hono/zod-openapi'
import { publicBase } from './context.ts'
import type { AppEnv } from './context.ts'

const info = {
  title: 'Roomtape',
  version: '0.1.0',
  description:
    'The recordings back end for LiveKit. Names are camelCase, times RFC 3339, durations `…Ms`, sizes `…Bytes`; errors ' +
    'are `application/problem+json` (RFC 9457) with a stable `code`.',
}

const tags = [
  { name: 'Recordings', description: 'Start, find, read, change' },
  { name: 'Playback', description: 'Links, and where they lead' },
  { name: 'Bucket', description: 'What concerns every room: sweeps, orphans, lost catalogues' },
  { name: 'Keys', description: 'API keys' },
  { name: 'Webhooks', description: 'What LiveKit calls' },
  { name: 'Operation', description: 'What operators look at' },
]

const bearer = {
  type: 'http',
  scheme: 'bearer',
  description:
    'ADMIN_TOKEN (all scopes), an API key (its own), or a LiveKit access token with the `roomRecord` grant (`read`, ' +
    '`record` and `play`, in the room that its grant names, or in all).',
} as const

/** Adds the document of all that the app has by then. */
export function describeApi(app: OpenAPIHono<AppEnv>): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', bearer)
  app.get('/openapi.json', (context) => {
    const servers = [{ url: publicBase(context, '/openapi.json') }]
    const document = app.getOpenAPI31Document({ openapi: '3.1.0', info, servers, tags })
    for (const methods of Object.values(document.paths ?? {})) {
      for (const operation of [methods.get, methods.post, methods.patch, methods.delete]) {
        const scope = operation?.security?.[0]?.['bearer']?.[0]
        if (operation === undefined || scope === undefined) continue
        const own = operation.description === undefined ? '' : `${operation.description}\n\n`
        operation.description = `${own}Asks for the scope \`${scope}\`.`
      }
    }
    return context.json(document)
  })
}
