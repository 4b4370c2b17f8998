// The Hono app: what comes before every route, the resources, and the one renderer of errors. It assumes no path of its
// own, so that it can be mounted inside another app. A faulty configuration is told before anything is served.
import { OpenAPIHono } from '@hono/zod-openapi'
import { ConfigError, readConfig } from './config.ts'
import { problem, renderProblem } from './problem.ts'
import { adoptOrphan } from './reconcile/adopt.ts'
import { importStep } from './reconcile/import.ts'
import { rebuildStep } from './reconcile/rebuild.ts'
import { sweep } from './reconcile/sweep.ts'
import { assetRoutes } from './routes/assets.ts'
import { tellBookmark } from './routes/catalogue.ts'
import type { AppEnv } from './routes/context.ts'
import { docsRoutes } from './routes/docs.tsx'
import { describeApi } from './routes/document.ts'
import { aliveRoutes, healthRoutes } from './routes/health.ts'
import { keyRoutes } from './routes/keys.ts'
import { listRoutes } from './routes/list.ts'
import { linkRoutes } from './routes/links.ts'
import { playbackRoutes } from './routes/playback.ts'
import { recordingRoutes } from './routes/recordings.ts'
import { orphanRoutes } from './routes/orphans.ts'
import { rebuildRoutes } from './routes/rebuild.ts'
import { reconcileRoutes } from './routes/reconcile.ts'
import { statsRoutes } from './routes/stats.ts'
import { startRoutes } from './routes/starts.ts'
import { controlRoutes } from './routes/control.ts'
import { editRoutes } from './routes/edit.ts'
import { sweepRoutes } from './routes/sweeps.ts'
import { watchRoutes } from './routes/watch.tsx'
import { webhookRoutes } from './routes/webhooks.ts'

const app = new OpenAPIHono<AppEnv>()

app.route('/', aliveRoutes)

app.use(async (context, next) => {
  // Whatever stands in an answer, it is what its type says.
  context.header('x-content-type-options', 'nosniff')
  try {
    context.set('config', readConfig(context.env))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw problem(503, 'configuration', `The configuration is faulty: ${error.message}.`, {
      faults: error.faults,
    })
  }
  await next()
})

app.use(tellBookmark)

export const api = app
  .route('/', webhookRoutes)
  .route('/', listRoutes)
  .route('/', recordingRoutes)
  .route('/', statsRoutes)
  .route('/', startRoutes)
  .route('/', controlRoutes)
  .route('/', editRoutes)
  .route('/', linkRoutes)
  .route('/', keyRoutes)
  .route('/', sweepRoutes({ sweep: async (env, config) => sweep(env, config, 'api') }))
  .route('/', orphanRoutes({ adoptOrphan }))
  .route('/', rebuildRoutes({ rebuildStep, importStep }))
  .route('/', reconcileRoutes)
  .route('/', playbackRoutes)
  .route('/', watchRoutes)
  .route('/', assetRoutes)
  .route('/', healthRoutes)

app.route('/', docsRoutes)
describeApi(app)

app.notFound((context) =>
  renderProblem(problem(404, 'no-such-route', `There is nothing at ${context.req.path}.`), context),
)
app.onError(renderProblem)

export { app }
