// The bench's D1, as the catalogue's own code writes to it from Node: the part of the binding that a write needs, over HTTP.
export interface Seeding extends D1Database {
  exec(sql: string): Promise<D1ExecResult>
}

interface Query {
  sql: string
  params: unknown[]
}

export function overHttp(port: number): Seeding {
  const send = async (queries: Query | Query[]): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/query?resultsFormat=ARRAY_OF_OBJECTS`, {
      method: 'POST',
      body: JSON.stringify(queries),
    })
    if (!answer.ok) throw new Error(`database: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const statement = (query: Query) => ({
    ...query,
    bind: (...params: unknown[]) => statement({ ...query, params }),
    run: async () => send(query),
  })
  return {
    prepare: (sql: string) => statement({ sql, params: [] }),
    batch: async (queries: Query[]) => send(queries.map(({ sql, params }) => ({ sql, params }))),
    exec: async (sql: string) => send({ sql, params: [] }),
  } as unknown as Seeding
}
