// The API's own document, as tests walk it: its operations, what each asks for, and a request that each understands.
import { request } from './story.ts'

export interface JsonSchema {
  $ref?: string
  [keyword: string]: unknown
}

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  style?: string
  schema: JsonSchema
}

export interface Answer {
  description: string
  headers?: Record<string, { schema: JsonSchema }>
  content?: Record<string, { schema: JsonSchema }>
}

export interface Operation {
  method: string
  path: string
  /** `POST /v1/keys`, for messages. */
  name: string
  operationId: string
  tags: string[]
  summary: string
  /** Of the caller; `null` for a route that asks for no bearer. */
  scope: string | null
  parameters: Parameter[]
  body: { required: boolean; schema: JsonSchema } | null
  answers: Record<string, Answer>
}

interface OperationJson {
  operationId: string
  tags?: string[]
  summary: string
  security?: { bearer: string[] }[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, { schema: JsonSchema }> }
  responses: Record<string, Answer>
}

export interface ApiDocument {
  openapi: string
  paths: Record<string, Record<string, OperationJson>>
  components: { schemas: Record<string, JsonSchema> }
}

export async function apiDocument(): Promise<ApiDocument> {
  return (await request('/openapi.json')).json()
}

export function operationsOf(document: ApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const body = operation.requestBody
      return {
        method: method.toUpperCase(),
        path,
        name: `${method.toUpperCase()} ${path}`,
        operationId: operation.operationId,
        tags: operation.tags ?? [],
        summary: operation.summary,
        scope: operation.security?.[0]?.bearer[0] ?? null,
        parameters: operation.parameters ?? [],
        body:
          body === undefined
            ? null
            : {
                required: body.required ?? false,
                schema: body.content['application/json']?.schema ?? {},
              },
        answers: operation.responses,
      }
    }),
  )
}

/** The operations that ask for a bearer. */
export async function guardedOperations(): Promise<(Operation & { scope: string })[]> {
  return operationsOf(await apiDocument()).filter(
    (operation): operation is Operation & { scope: string } => operation.scope !== null,
  )
}

/** The schema that a reference leads to. */
export function resolved(document: ApiDocument, schema: JsonSchema): JsonSchema {
  const { $ref } = schema
  const name = $ref?.split('/').at(-1)
  return name === undefined ? schema : (document.components.schemas[name] ?? {})
}

/** The body that the document itself shows; `null` when it shows none. */
export function exampleBody(document: ApiDocument, { body }: Operation): unknown {
  return body === null ? null : (resolved(document, body.schema)['example'] ?? null)
}

/** The address of an operation; what is not named here stands for nothing that exists. */
export function addressOf(operation: Operation, names: Record<string, string> = {}): string {
  return operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(names[name] ?? 'none'),
  )
}
