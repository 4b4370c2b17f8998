// Answers the D1 binding as D1 does, from a Durable Object with SQLite, because raw workerd has no D1. For the bench only.
import { DurableObject } from 'cloudflare:workers'

interface Query {
  sql: string
  params?: (string | number | null)[]
}

export class Database extends DurableObject {
  override async fetch(request: Request): Promise<Response> {
    const format = new URL(request.url).searchParams.get('resultsFormat')
    const asked = await request.json<Query | Query[]>()
    const results = this.ctx.storage.transactionSync(() =>
      [asked].flat().map(({ sql, params = [] }) => this.#run(sql, params, format)),
    )
    return Response.json(Array.isArray(asked) ? results : results[0])
  }

  #run(sql: string, params: (string | number | null)[], format: string | null) {
    const cursor = this.ctx.storage.sql.exec(sql, ...params)
    const rows = [...cursor.raw()]
    const { columnNames, rowsRead, rowsWritten } = cursor
    const meta = {
      duration: 0,
      changes: rowsWritten,
      rows_read: rowsRead,
      rows_written: rowsWritten,
    }
    const objects = () =>
      rows.map((row) => Object.fromEntries(columnNames.map((name, index) => [name, row[index]])))
    return {
      success: true,
      meta,
      results: format === 'ROWS_AND_COLUMNS' ? { columns: columnNames, rows } : objects(),
    }
  }
}

interface Bindings {
  DATABASE: DurableObjectNamespace<Database>
}

const entry: ExportedHandler<Bindings> = {
  fetch: async (request, env) => env.DATABASE.getByName('main').fetch(request),
}
// oxlint-disable-next-line import/no-default-export -- the platform's door
export default entry
