// The API reference in the browser: Swagger UI on our own document, light or dark as the reader's system is. It must not
// ask any other host: its validator is switched off.

/** What the script of the package, loaded before this one, brings. */
declare const SwaggerUIBundle: (options: {
  url: string
  dom_id: string
  validatorUrl: null
  deepLinking: boolean
  docExpansion: 'list' | 'none' | 'full'
  defaultModelsExpandDepth: number
}) => void

const prefersDark = matchMedia('(prefers-color-scheme: dark)')

function follow(): void {
  document.documentElement.classList.toggle('dark-mode', prefersDark.matches)
}

follow()
prefersDark.addEventListener('change', follow)

SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#reference',
  validatorUrl: null,
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
})
