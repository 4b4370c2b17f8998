// What every route finds on its context, and what every route answers in the same way.
import { OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Config } from '../config.ts'
import { problem } from '../problem.ts'
import type { Access } from '../access/scopes.ts'

export interface AppEnv {
  Bindings: Env
  Variables: { config: Config; access: Access; catalogue?: D1DatabaseSession }
}

/** A resource's app: bad input becomes a problem that names each fault. */
export function newRoutes(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return
      const faults = result.error.issues.map((issue) => ({
        name: issue.path.join('.'),
        fault: issue.message,
      }))
      const detail = faults.map(({ name, fault }) => `${name}: ${fault}`).join('; ')
      throw problem(400, 'bad-request', detail, { faults })
    },
  })
}

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().openapi({ example: 'recording-not-found' }),
    detail: z.string(),
  })
  .catchall(z.unknown())
  .openapi('Problem')

/** The description of a refusal. */
export function refusal(description: string) {
  return { description, content: { 'application/problem+json': { schema: ProblemSchema } } }
}

/** The description of a JSON body, and of what is answered to one that is none. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/json': { schema } } } as const
}

export const bodyRefusals = {
  400: refusal('The body is no JSON, or a field is malformed'),
  408: refusal('The body did not arrive in time'),
  413: refusal('The body is too large'),
  415: refusal('The body is of another type than application/json'),
}

/**
 * Our own address as the caller knows it, without a final slash: PUBLIC_URL, or where the request came in, with the path
 * that this app is mounted under.
 * @param ownPath beginning of the route's own path, for example `/v1/`
 */
export function publicBase(context: Context<AppEnv>, ownPath: string): string {
  const { publicUrl } = context.get('config')
  if (publicUrl !== null) return publicUrl
  const { origin, pathname } = new URL(context.req.url)
  return `${origin}${pathname.slice(0, pathname.lastIndexOf(ownPath))}`
}
