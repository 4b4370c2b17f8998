// The names of the files that browsers load beside the pages; `scripts/assets.ts` makes them. They are served under
// `assets/` beside the pages, wherever the app is mounted, so a page names them relative to itself. What comes out of a
// package carries its version and is cached for ever; our own files are asked for anew each time.

export const assets = {
  /** Plays HLS where the browser cannot. The light build, without its worker: that would need more of the CSP. */
  hls: 'hls-1.7.4.js',
  swaggerUi: 'swagger-ui-5.35.0.js',
  swaggerUiStyle: 'swagger-ui-5.35.0.css',
  docs: 'docs.js',
  watch: 'watch.js',
} as const

/** The names are known before any request, so that nothing else is ever asked for. */
export const assetNames: ReadonlySet<string> = new Set(Object.values(assets))
